#!/usr/bin/env bash
# Runs a command beside the head of an autoscaling Ray cluster, alone in namespaces of its own, and takes all down with it.
#
#   autoscaled.sh PYTHON CONFIG FOLDER COMMAND [ARG ...]
#
# CONFIG: for `ray start --autoscaling-config`, of Ray's fake provider, whose nodes are processes of this machine.
# FOLDER: is seen inside as outside, though /tmp is another. The head offers no CPUs, at 127.0.0.1:6379.
set -euo pipefail
if [ "$1" != --inside ]; then
  exec unshare --net --mount --pid --ipc --fork --kill-child --mount-proc --propagation private "$0" --inside "$@"
fi
shift
python=$1 config=$2 folder=$3
shift 3
ip link set lo up
# The old root of what is bound below: a folder under /tmp would vanish with it.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/folder /mnt/code
mount --bind "$folder" /mnt/folder
mount --bind "$PWD" /mnt/code
code=$PWD
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o size=2g,mode=1777 tmpfs /dev/shm
mkdir -p "$folder" "$code" /tmp/home
mount --bind /mnt/folder "$folder"
mount --bind /mnt/code "$code"
cd "$code"
# Without a network, looking a name up takes longer than starting Ray.
echo 'hosts: files' > /tmp/nsswitch
echo "127.0.0.1 localhost $(hostname)" > /tmp/hosts
mount --bind /tmp/nsswitch /etc/nsswitch.conf
mount --bind /tmp/hosts /etc/hosts
export HOME=/tmp/home RAY_USAGE_STATS_ENABLED=0 RAY_enable_autoscaler_v2=0
RAY_FAKE_CLUSTER=1 AUTOSCALER_UPDATE_INTERVAL_S=1 \
  RAY_OVERRIDE_NODE_ID_FOR_TESTING=fffffffffffffffffffffffffffffffffffffffffffffffffff00000 \
  "$python" -m ray.scripts.scripts start --head --node-ip-address=127.0.0.1 --port=6379 --num-cpus=0 --num-gpus=0 \
  --object-store-memory=150000000 --include-dashboard=false --autoscaling-config="$config"
"$@"
