"""Sending a run to a cluster as a Ray job: what is sent, the tunnel, the job and its log. What then runs there is an ordinary run."""
