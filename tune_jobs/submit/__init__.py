"""Sending a run to a cluster as a Ray job: which files are sent, the ssh tunnel, the job and its log. The run that it
starts there is an ordinary one (commands/run.py). Starting clusters is left to `ray up`.
"""
