"""How long `ablatune submit` waits, and for what. Uploads of datasets to S3 follow storage/retries.py instead."""

# For the job server to accept a connection, and between two parts of its answer.
CONNECT_TIMEOUT_SECONDS = 10.0
ANSWER_TIMEOUT_SECONDS = 120.0
# For the upload of the working tree, over a slow line too.
UPLOAD_TIMEOUT_SECONDS = 3600.0
# For a head that has just started to take jobs; Ray itself waits 10 s of it in each request.
AGENT_TIMEOUT_SECONDS = 120.0
# For `ray dashboard` to open the ssh tunnel.
TUNNEL_TIMEOUT_SECONDS = 90.0
# For a cluster to come back while its job is followed: restarting a head takes minutes.
RECONNECT_TIMEOUT_SECONDS = 600.0
