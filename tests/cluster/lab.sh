#!/usr/bin/env bash
# Separate "hosts" and a client on one Linux machine. A host is a set of namespaces (net, mount, pid, uts, ipc) with its
# own address, sshd, /tmp, /root, /run and /dev/shm; all hosts are joined by a bridge that leads nowhere else.
#
#   LAB=dir VENV=dir KEEP="dir ..." lab.sh net HOSTS    becomes the client, switches HOSTS hosts on, and stays until killed
#   LAB=dir VENV=dir KEEP="dir ..." lab.sh host I       in the client's namespaces: switches host I on (again)
#
# VENV: the environment that hosts have. KEEP: folders that hosts see as they are. $LAB/id is the ssh key, and
# $LAB/hI/init.pid the process, as the client counts, whose death is a power cut of host I.
set -euo pipefail
: "${NET:=10.77.0}" "${FIRST:=10}" "${PLEN:=24}"
export LAB VENV KEEP NET FIRST PLEN

# A private /root, /tmp and /dev/shm; the kept folders stay visible.
private() {
  local place=$1 folder new=
  [ -d "$place/up" ] || new=yes
  mkdir -p "$place"/{up,work}
  rm -rf "$place/tmp"; mkdir -p "$place/tmp"
  for folder in "$LAB" "$VENV" $KEEP; do
    case $folder in /tmp/*) mkdir -p "$place/tmp/${folder#/tmp/}"; mount --bind "$folder" "$place/tmp/${folder#/tmp/}";; esac
  done
  mount -t overlay overlay -o "lowerdir=/root,upperdir=$place/up,workdir=$place/work" /root
  for folder in "$LAB" "$VENV" $KEEP; do
    case $folder in /root/*) mkdir -p "$folder"; mount --bind "$place/kept/${folder#/root/}" "$folder";; esac
  done
  mount --rbind "$place/tmp" /tmp; chmod 1777 /tmp
  mount -t tmpfs -o size=2g,mode=1777 tmpfs /dev/shm
  mount --bind "$LAB/hosts" /etc/hosts; mount --bind "$LAB/nsswitch" /etc/nsswitch.conf
  # A host that is switched on again has its disk as it was.
  if [ -n "$new" ]; then rm -rf /root/.ray /root/ray_results /root/ray_bootstrap_*; fi
}
# The root folder is about to be covered: what is kept of it is bound elsewhere first.
keep_root() {
  local place=$1 folder
  for folder in "$LAB" "$VENV" $KEEP; do
    case $folder in /root/*) mkdir -p "$place/kept/${folder#/root/}"; mount --bind "$folder" "$place/kept/${folder#/root/}";; esac
  done
}
export -f private keep_root

host() {
  export I=$1 PLACE=$LAB/h$1
  mkdir -p "$PLACE"
  unshare --net --mount --pid --uts --ipc --fork --kill-child --mount-proc bash -c '
    set -e
    hostname "h$I"; keep_root "$PLACE"; private "$PLACE"
    mount --bind "$VENV" "$VENV"; mount -o remount,bind,ro "$VENV"
    mkdir -p /root/ablatune; ln -sfn "$VENV" /root/ablatune/.venv
    grep -qs LAB_HOST /root/.bashrc || printf "export LAB_HOST=1 RAY_USAGE_STATS_ENABLED=0\nset -a; . %s; set +a\n" "$LAB/environment" >> /root/.bashrc
    mount -t tmpfs tmpfs /run; mkdir /run/sshd
    until ip link show eth0 >/dev/null 2>&1; do sleep .05; done
    ip link set lo up; ip addr add "$NET.$((FIRST+I))/$PLEN" dev eth0; ip link set eth0 up; ip route add default via "$NET.1"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root /usr/sbin/sshd -D -e -f "$LAB/sshd_config"' \
    >> "$PLACE/sshd.log" 2>&1 &
  local init
  until init=$(cat "/proc/$!/task/$!/children" 2>/dev/null) && [ -n "$init" ]; do sleep .05; done
  echo "${init% }" > "$PLACE/init.pid"
  ip link del "v$I" 2>/dev/null || true  # of a host that was cut off; the kernel takes its time
  # The same hardware address as before: others would go on sending to the old one.
  ip link add "v$I" type veth peer name eth0 address "$(printf '02:00:00:00:00:%02x' "$I")" netns "${init% }"
  ip link set "v$I" master br0; ip link set "v$I" up
  until timeout 1 bash -c "exec 3<>/dev/tcp/$NET.$((FIRST+I))/22" 2>/dev/null; do sleep .1; done
}

net() {
  hostname client
  mkdir -p "$LAB/shared"; touch "$LAB/environment"
  ssh-keygen -q -t ed25519 -N '' -f "$LAB/id"; ssh-keygen -q -t ed25519 -N '' -f "$LAB/hostkey"
  { echo "127.0.0.1 localhost"; echo "$NET.1 client"
    for i in $(seq 0 $(($1 - 1))); do echo "$NET.$((FIRST+i)) h$i"; done; } > "$LAB/hosts"
  echo 'hosts: files' > "$LAB/nsswitch"  # time-outs of DNS would triple the time of `ray up`
  cat > "$LAB/sshd_config" <<X
HostKey $LAB/hostkey
AuthorizedKeysFile $LAB/id.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
MaxStartups 100
MaxSessions 100
AllowTcpForwarding yes
Subsystem sftp internal-sftp
X
  ip link set lo up
  ip link add br0 type bridge; ip addr add "$NET.1/$PLEN" dev br0; ip link set br0 up
  for i in $(seq 0 $(($1 - 1))); do host "$i"; done
  keep_root "$LAB/client"; private "$LAB/client"
  touch "$LAB/ready"
  # A client whose shell is gone must not leave zombies: `wait` reaps what this process inherits.
  sleep infinity & wait
}

"$@"
