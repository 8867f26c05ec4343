#!/bin/busybox sh
# The guest's first process: the host's file tree, read-only under a throw-away overlay, becomes the
# root; i2c-stub makes /dev/i2c-0; then the command of run_in_guest.sh runs in it.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
die() {
  echo "guest: $*" >/dev/console
  $b reboot -f
}
for module in virtio_pci 9pnet_virtio 9p overlay i2c-dev; do $b modprobe $module 2>/dev/null; done
ninep=trans=virtio,version=9p2000.L,msize=512000
$b mount -t 9p -o $ninep,cache=loose,ro hostroot /lower || die "no file tree of the host"
$b mount -t tmpfs -o size=60% tmpfs /upper
$b mkdir /upper/changes /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/changes,workdir=/upper/work overlay /root ||
  die "no overlay"
$b mount -t tmpfs tmpfs /root/run
$b mkdir -p /root/run/guest
$b mount -t 9p -o $ninep,cache=none share /root/run/guest || die "no folder shared with the host"
$b modprobe i2c-stub chip_addr=0x40,0x41 || die "no i2c-stub"
$b modprobe ina2xx || die "no ina2xx"
for folder in proc sys dev; do
  $b mkdir -p /root/$folder
  $b mount --move /$folder /root/$folder
done
$b mkdir -p /root/dev/pts /root/dev/shm
$b mount -t devpts devpts /root/dev/pts
$b mount -t tmpfs -o mode=1777 tmpfs /root/dev/shm
$b ln -s /proc/self/fd /root/dev/fd
$b ip link set lo up
$b stty -F /root/dev/ttyS1 raw -echo
$b chroot /root /bin/bash /run/guest/command.sh </root/dev/null >/root/dev/ttyS1 2>&1
echo $? >/root/run/guest/status
$b sync
$b reboot -f
