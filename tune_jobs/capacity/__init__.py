"""How many trials fit: on one node, on the nodes of a cluster, and on those that an autoscaler may add; and which kind
of node an autoscaler adds next. Ray is asked here, never started: that is training/ray_session.py. What one trial asks
for is in study/resources.py.
"""
