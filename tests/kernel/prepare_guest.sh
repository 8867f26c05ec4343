#!/usr/bin/env bash
# prepare_guest.sh DIRECTORY PACKAGE
#
# Puts into DIRECTORY what run_in_guest.sh boots: the kernel that Debian's PACKAGE stands for, as
# linux-image-amd64 (vmlinuz), and the modules the tests need (modules.cpio.gz). Needs no root: packages are downloaded with apt-get and
# unpacked, never installed. Debian builds the IIO driver for the INA219 and not the hwmon one,
# which Raspberry Pi OS ships, so ina2xx.ko is compiled, unmodified, from Debian's own source.
#
# Exit: 0; 77 it cannot be done on this machine, with the reason; anything else is a failure.
set -euo pipefail

goal=$(realpath -m "$1")
package=$2
modules=(
  virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_rng
  9pnet 9pnet_virtio netfs fscache 9p overlay i2c-dev i2c-stub
)

cannot() { echo "$*" >&2; exit 77; }

depends() { apt-cache depends --no-recommends "$1" 2>/dev/null | awk '$1 == "Depends:" {print $2}'; }

download() {
  local image=$1 headers=$2 source=$3 extra
  extra=$(depends "$headers" | grep -E '^linux-(headers|kbuild)-') || return 1
  # shellcheck disable=SC2086 - one package a word
  (cd deb && apt-get download -qq "$image" "$headers" $extra "$source")
}

extract_driver() {
  local archive member
  archive=$(echo deb/linux-source-*.deb)
  member=$(dpkg -c "$archive" | awk '/\.tar\.xz$/ {print $6; exit}')
  # tar leaves after the first match; what feeds it then fails on a closed pipe, as it may.
  dpkg --fsys-tarfile "$archive" 2>/dev/null | tar -xO "$member" 2>/dev/null | xz -dc -T0 2>/dev/null |
    tar -xO --occurrence=1 --wildcards '*/drivers/hwmon/ina2xx.c' 2>/dev/null >driver/ina2xx.c || true
  [ -s driver/ina2xx.c ]
}

build_driver() {
  local headers=$PWD/root/usr/src/$1
  # The kernel's own build tools come with the download, the library they need does not.
  if ldd root/usr/lib/linux-kbuild-*/tools/objtool/objtool | grep -q 'libelf.*not found'; then
    cannot "no libelf for the kernel's build tools: apt-get install -y libelf1"
  fi
  echo 'obj-m := ina2xx.o' >driver/Makefile
  # The packaged makefile names its own place on an installed system.
  sed -i "s#^include /usr/src/#include $PWD/root/usr/src/#" "$headers/Makefile"
  if ! make -s -C "$headers" CC=gcc CONFIG_DEBUG_INFO_BTF_MODULES= M="$PWD/driver" modules \
    >make.log 2>&1; then
    tail -n 5 make.log >&2
    return 1
  fi
}

pack_modules() {
  local version=$1 into=initramfs/lib/modules/$1 name file
  mkdir -p "$into"
  for name in "${modules[@]}"; do # some are built into some kernels
    file=$(find root/ -name "$name.ko" -o -name "$name.ko.xz" | head -n 1)
    case $file in
      *.xz) xz -dc "$file" >"$into/$name.ko" ;;
      ?*) cp "$file" "$into/" ;;
    esac
  done
  cp driver/ina2xx.ko "$into/"
  [ -s "$into/i2c-stub.ko" ] && [ -s "$into/i2c-dev.ko" ]
  strip --strip-debug "$into"/*.ko
  mkdir -p initramfs/{bin,proc,sys,dev,lower,upper,root}
  cp "$(command -v busybox)" initramfs/bin/busybox
  busybox depmod -b "$PWD/initramfs" "$version" 2>/dev/null
  (cd initramfs && find . | busybox cpio -o -H newc 2>/dev/null) | gzip -1 >modules.cpio.gz
}

[ "$(uname -m)" = x86_64 ] || cannot "the guest's kernel is built for x86_64, this is $(uname -m)"
for tool in apt-get dpkg busybox gcc make strip xz; do
  command -v "$tool" >/dev/null || cannot "no $tool: apt-get install -y busybox-static gcc make xz-utils"
done
image=$(depends "$package" | grep -m 1 '^linux-image-') ||
  cannot "apt knows no $package: apt-get update"
version=${image#linux-image-}
headers=linux-headers-$version

mkdir -p "$(dirname "$goal")"
work=$(mktemp -d "$(dirname "$goal")/prepare.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir deb root driver
download "$image" "$headers" "linux-source-$(cut -d. -f1,2 <<<"$version")" >download.log 2>&1 ||
  cannot "$image and its source cannot be downloaded: $(tail -n 1 download.log)"
for archive in deb/linux-{image,headers,kbuild}-*.deb; do dpkg -x "$archive" root; done
extract_driver
build_driver "$headers"
pack_modules "$version"
mkdir ready
mv modules.cpio.gz ready/
cp root/boot/vmlinuz-* ready/vmlinuz
echo "$version" >ready/version
rm -rf "$goal"
mv ready "$goal"
