#!/bin/sh
# SPDX-License-Identifier: MIT
# The Debian installer to its language menu in real time, as ./setup demo starts it.
#: tags full linux alone
#: cap 900
#: needs file /usr/lib/debian-installer/images/12/i386/text/debian-installer/i386/linux debian-installer-12-netboot-i386
set -u
images=/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386
exec "$NESTBOX" -display none -m 512 -kernel $images/linux -initrd $images/initrd.gz \
    -append 'vga=normal nomodeset' -expect-screen 'Choose the language' -timeout 800
