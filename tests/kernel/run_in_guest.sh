#!/usr/bin/env bash
# run_in_guest.sh COMMAND [ARGUMENT...]
#
# Boots Debian's kernel in QEMU on this machine's own file tree and runs COMMAND there as root, in
# the current folder. /dev/i2c-0 is i2c-stub with 0x40 and 0x41; the kernel's ina2xx is loaded and
# bound to nothing. What COMMAND writes is gone afterwards. The kernel is prepared once, in
# $JOULESPLIT_GUEST_CACHE (default: joulesplit/guest in the user's cache folder), from the package
# $JOULESPLIT_GUEST_KERNEL (default: linux-image-amd64, this release's own).
#
# Exit: COMMAND's own; 77 it cannot be done on this machine, with the reason on stderr; 124 it took
# longer than $JOULESPLIT_GUEST_LIMIT_S (300); 70 the guest ended without a status.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${JOULESPLIT_GUEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/joulesplit/guest}
package=${JOULESPLIT_GUEST_KERNEL:-linux-image-amd64}
limit_s=${JOULESPLIT_GUEST_LIMIT_S:-300}

cannot() { echo "$*" >&2; exit 77; }

write_command() {
  echo 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root'
  echo 'export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1'
  printf 'cd %q || exit 125\n' "$PWD"
  printf '%q ' "$@"
  echo
}

accelerator() {
  # A guest without the processor's help is quick enough, and /dev/kvm alone does not promise it.
  if grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]; then
    echo -accel kvm -cpu host
  else
    echo -accel tcg,thread=multi -cpu max
  fi
}

share() { # TAG PATH [OPTION]
  echo "-fsdev local,id=$1,path=$2,security_model=none,multidevs=remap${3-}" \
    "-device virtio-9p-pci,fsdev=$1,mount_tag=$1"
}

command -v qemu-system-x86_64 >/dev/null ||
  cannot "no QEMU: apt-get install -y --no-install-recommends qemu-system-x86 busybox-static gcc make"
command -v busybox >/dev/null || cannot "no busybox: apt-get install -y busybox-static"

mkdir -p "$cache"
recipe=$(sha256sum <"$here/prepare_guest.sh" | cut -c1-12)
kernel=$cache/$package-$recipe
(
  flock 9
  [ -s "$kernel/version" ] || "$here/prepare_guest.sh" "$kernel" "$package"
) 9>"$cache/lock" || exit $?

run=$(mktemp -d "${TMPDIR:-/tmp}/joulesplit-guest.XXXXXX")
trap 'rm -rf "$run"' EXIT
mkdir "$run/share" "$run/init"
write_command "$@" >"$run/share/command.sh"
install -m 755 "$here/guest_init.sh" "$run/init/init"
# The kernel unpacks archives one after the other, so the first process need not be prepared.
(cd "$run/init" && echo init | busybox cpio -o -H newc 2>/dev/null) | gzip -1 |
  cat "$kernel/modules.cpio.gz" - >"$run/initrd"

# shellcheck disable=SC2046 - several options a function
machine=(
  qemu-system-x86_64 -M q35 $(accelerator) -smp 2 -m 1536 -nodefaults -nic none -no-reboot
  -display none -serial "file:$run/boot.log" -serial "file:/dev/fd/3"
  -kernel "$kernel/vmlinuz" -initrd "$run/initrd"
  -append "console=ttyS0 panic=-1 quiet loglevel=4 mitigations=off"
  $(share hostroot / ,readonly=on) $(share share "$run/share")
)
ended=0
# Through a pipe, so that QEMU never truncates a file of the caller's.
timeout -k 5 "$limit_s" "${machine[@]}" 3> >(cat) </dev/null >"$run/qemu.log" 2>&1 || ended=$?
wait
[ ! -s "$run/share/status" ] || exit "$(cat "$run/share/status")"
echo "the guest ended without a status (QEMU: $ended)" >&2
tail -n 5 "$run/qemu.log" "$run/boot.log" >&2
[ "$ended" != 124 ] || exit 124
exit 70
