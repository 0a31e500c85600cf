# Linux 6.1 under acpi=strict: our tables without a complaint, SCI, the power button, soft off.
tags linux
cap 120
needs guest linux-test
needs busybox
initramfs rd linux.init
budget 60000000000
run -clock counted,ns=10 -m 128 -kernel $GUESTS/linux-test -initrd $WORK/rd -no-reboot -append 'console=ttyS0,115200 acpi=strict end=button test=hardware'
reject serial "WARNING:"
reject serial "BUG"
reject serial "Oops"
reject serial "nobody cared"
reject serial "ACPI BIOS"
reject serial "ACPI Error"
reject serial "ACPI Warning"
reject serial "A valid RSDP was not found"
reject serial "PM-Timer Bug"
reject serial "could not be reserved"
reject serial "can't claim"
reject serial "marked unstable"
expect serial "ACPI: PM-Timer IO Port: 0x608"
expect serial "ACPI: PM: (supports S0 S5)"
expect serial "claimed by PIIX4 ACPI"
expect serial "Interrupt link LNKA configured for IRQ 10"
expect serial "Interrupt link LNKD configured for IRQ 11"
expect serial "Interrupt link LNKS configured for IRQ 9"
expect serial "clocksource: acpi_pm: mask: 0xffffff"
expect serial "ACPI: button: Power Button [PWRF]"
expect serial "  9:          0    XT-PIC      acpi"
expect serial "WAITING for /dev/input/event"
monitor "system_powerdown"
expect serial "PRESSED"
expect serial "reboot: Power down"
exit 0
