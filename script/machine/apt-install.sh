# As root: `apt-install.sh update` or `apt-install.sh install NAME…`. Installs packages without starting
# a service or making PostgreSQL's system cluster, and leaves the machine's own settings as they were.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"; }

if [ "$1" = update ]; then
    # A mirror that is away is no reason to stop: what the lists already know may do.
    apt update || echo "apt-get update failed; going on with the package lists as they are"
    exit 0
fi
shift

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.d
ours=$clusters/requests311.conf
made_policy='' made_ours='' had_redis=''
installed redis-server && had_redis=yes

restore() {
    [ -z "$made_policy" ] || rm -f "$policy"
    [ -z "$made_ours" ] || { rm -f "$ours"; rmdir "$clusters" 2>/dev/null || true; }
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
if ! installed postgresql-common; then
    made_ours=yes
    mkdir -p "$clusters"
    echo 'create_main_cluster = false' >"$ours"
fi

apt --no-install-recommends install "$@"

# Installed for us alone: the system's Redis stays off at the next boot as well.
if [ -z "$had_redis" ] && installed redis-server; then
    update-rc.d redis-server disable >/dev/null 2>&1 || true
    ! command -v systemctl >/dev/null || systemctl disable --quiet redis-server 2>/dev/null || true
fi
