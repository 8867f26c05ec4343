#!/usr/bin/env bash
# run_in_root.sh ROOT [COMMAND [ARGUMENT...]]
#
# Runs COMMAND as an ordinary user in a fresh Debian userland of another architecture, under QEMU's
# user emulation. ROOT is one of
#
#   arm64-bookworm   64 bit, Python 3.11: what Raspberry Pi OS 12 (64 bit) is built on
#   arm64-trixie     64 bit, Python 3.13: Raspberry Pi OS 13 (64 bit)
#   armhf-bookworm   32 bit, Python 3.11: near Raspberry Pi OS 12 (32 bit); Debian's armhf is ARMv7
#
# The userland is made once, by debootstrap, in $JOULESPLIT_ARM_CACHE (default: joulesplit/arm in
# the user's cache folder), with what the README tells to install. Packages are unpacked and their
# maintainer scripts do not run: enough for Python, and half a minute instead of minutes. This
# checkout is at ~/joulesplit there, a copy of what git tracks and of what is changed, made anew by
# each run that gives no COMMAND. COMMAND runs in it, with the network and pip's index of this
# machine, but for indexes that are folders here.
#
# $JOULESPLIT_ARM_CPU names the processor to emulate (cortex-a53, cortex-a72, cortex-a76; QEMU's own
# choice otherwise). $JOULESPLIT_ARM_KERNEL is what a 32-bit root says of its kernel: aarch64, as on
# a Pi 3, 4 or 5 with Raspberry Pi OS 32 bit, or armv7l.
#
# Exit: COMMAND's own; 77 it cannot be done on this machine, with the reason on stderr.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(realpath "$here/../..")
name=${1:?which root: arm64-bookworm, arm64-trixie or armhf-bookworm}
shift
cache=${JOULESPLIT_ARM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/joulesplit/arm}
root=$cache/$name
arch=${name%-*} suite=${name#*-}
binfmt=/proc/sys/fs/binfmt_misc

cannot() { echo "$*" >&2; exit 77; }

# The compiler is for the packages without wheels on PyPI for 32 bit; Raspberry Pi OS has piwheels.
packages=ca-certificates,make,python3,python3-pip,python3-venv
case $name in
  arm64-bookworm | arm64-trixie) emulator=aarch64 kernel=aarch64 ;;
  armhf-bookworm)
    emulator=arm kernel=${JOULESPLIT_ARM_KERNEL:-aarch64}
    packages+=,gcc,libc6-dev,python3-dev,python3-numpy,python3-scipy,python3-psutil,python3-pil
    ;;
  *) cannot "$name: no such root; arm64-bookworm, arm64-trixie and armhf-bookworm are" ;;
esac

[ "$(id -u)" = 0 ] || cannot "making and entering a root needs root: sudo -E make arm"
for tool in debootstrap "qemu-$emulator-static" unshare; do
  command -v "$tool" >/dev/null ||
    cannot "no $tool: apt-get install -y --no-install-recommends qemu-user-static debootstrap"
done

register() {
  # The F among the flags keeps the emulator open, so that it need not be in the root.
  [ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt 2>/dev/null ||
    cannot "this kernel has no binfmt_misc, which starts the emulator"
  [ -e "$binfmt/qemu-$emulator" ] || cat "/usr/lib/binfmt.d/qemu-$emulator.conf" >$binfmt/register
}

mirror() { apt-get indextargets --format '$(REPO_URI)' | grep -v security | head -n 1; }

build() {
  local archive file
  rm -rf --one-file-system "$root"
  mkdir -p "$root"
  echo "making $root" >&2
  debootstrap --arch="$arch" --foreign --variant=minbase --merged-usr --include="$packages" \
    "$suite" "$root" "$(mirror)" >"$root.log" 2>&1 || { tail -n 5 "$root.log" >&2; return 1; }
  for archive in "$root"/var/cache/apt/archives/*.deb; do dpkg -x "$archive" "$root"; done
  for file in passwd group; do
    cp "$root/usr/share/base-passwd/$file.master" "$root/etc/$file"
  done
  # What the maintainer scripts would have done and Debian's numpy needs.
  for file in blas/libblas.so.3 lapack/liblapack.so.3; do
    [ ! -e "$root/usr/lib/arm-linux-gnueabihf/$file" ] ||
      ln -sf "$file" "$root/usr/lib/arm-linux-gnueabihf/"
  done
  chroot "$root" /sbin/ldconfig
  echo "pi:x:1000:1000::/home/pi:/bin/bash" >>"$root/etc/passwd"
  echo "pi:x:1000:" >>"$root/etc/group"
  install -d -o 1000 -g 1000 "$root/home/pi"
  rm -rf "$root/debootstrap" "$root"/var/cache/apt/archives/*.deb
  touch "$root/.made"
}

carry_in_settings() {
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  cp "$here/cpuinfo-$arch" "$root/etc/cpuinfo"
  python3 -m pip config list 2>/dev/null | python3 "$here/network_indexes.py" >"$root/etc/pip.conf"
}

carry_in_checkout() {
  local home=$root/home/pi/joulesplit
  mkdir -p "$home"
  git -C "$checkout" ls-files -z --cached --others --exclude-standard --deduplicate |
    (cd "$checkout" && tar -c --null --ignore-failed-read --no-recursion -T - 2>/dev/null) |
    tar -x -C "$home" --no-same-owner
  chown -R 1000:1000 "$home"
}

environment() {
  echo HOME=/home/pi USER=pi PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8
  echo PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_DEFAULT_TIMEOUT=180
  echo SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
  echo ${JOULESPLIT_ARM_CPU:+QEMU_CPU=$JOULESPLIT_ARM_CPU}
  echo PYTHONPATH=/opt/kernel
  env | grep -E '^(https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY|PIP_INDEX_URL|JOULESPLIT_RUNTIME)=' || true
}

register
mkdir -p "$cache"
(
  flock 9
  [ -e "$root/.made" ] || build
) 9>"$cache/$name.lock"
if [ $# = 0 ]; then
  carry_in_settings
  carry_in_checkout
  exit
fi
# Python's own word for the machine is what pip's markers see; QEMU's is armv7l in a 32-bit root.
mkdir -p "$root/opt/kernel"
printf 'import os\n_own = os.uname()\nos.uname = lambda: os.uname_result((*_own[:4], "%s"))\n' \
  "$kernel" >"$root/opt/kernel/sitecustomize.py"
echo "$kernel" >"$root/etc/kernel-arch"
mapfile -t variables < <(environment | tr ' ' '\n' | grep .)
# A mount namespace of its own: the mounts go with the command. QEMU passes this machine's
# /proc/cpuinfo through; a Pi's has to lie over it, or XNNPACK takes the processor for another one.
exec unshare --mount --propagation private bash -c '
  root=$1; shift
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t sysfs -o ro sys "$root/sys"
  mount --bind "$root/etc/cpuinfo" "$root/proc/cpuinfo"
  [ ! -e "$root/proc/sys/kernel/arch" ] ||
    mount --bind "$root/etc/kernel-arch" "$root/proc/sys/kernel/arch"
  exec chroot --userspec=1000:1000 "$root" env -i "$@"' _ "$root" "${variables[@]}" \
  bash -c 'cd ~/joulesplit && exec "$@"' _ "$@"
