"""How many trials fit: on one node, on the nodes of a cluster, and on those that an autoscaler may add. Nothing here starts Ray."""
