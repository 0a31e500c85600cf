/* SPDX-License-Identifier: MIT */
/* QEMU's firmware configuration device: items by 16-bit key, files by name. machine/ fills it
 * between init and the first reset; contents are copied and stay for the device's life. */
#ifndef NB_DEVICES_FW_CFG_H
#define NB_DEVICES_FW_CFG_H

#include "core/device.h"

/* Keys of QEMU's docs/specs/fw_cfg. */
enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00, FW_CFG_ID = 0x01, FW_CFG_UUID = 0x02, FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04, FW_CFG_NB_CPUS = 0x05, FW_CFG_MACHINE_ID = 0x06,
    FW_CFG_KERNEL_ADDR = 0x07, FW_CFG_KERNEL_SIZE = 0x08, FW_CFG_KERNEL_CMDLINE = 0x09,
    FW_CFG_INITRD_ADDR = 0x0a, FW_CFG_INITRD_SIZE = 0x0b, FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d, FW_CFG_BOOT_MENU = 0x0e, FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10, FW_CFG_KERNEL_DATA = 0x11, FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13, FW_CFG_CMDLINE_SIZE = 0x14, FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16, FW_CFG_SETUP_SIZE = 0x17, FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19, FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ACPI_TABLES = 0x8000, FW_CFG_SMBIOS_ENTRIES = 0x8001, FW_CFG_IRQ0_OVERRIDE = 0x8002,
    FW_CFG_E820_TABLE = 0x8003, FW_CFG_HPET = 0x8004,
};

#define FW_CFG_MAX_FILES 64u

/* Both replace a former item of that key or name. false: no room, or a name over 55 characters. */
bool fw_cfg_add_key(struct device *dev, u16 key, const void *data, u32 len);
bool fw_cfg_add_file(struct device *dev, const char *name, const void *data, u32 len);
/* A file that the guest may write by DMA; its contents are part of the snapshot. */
bool fw_cfg_add_writable(struct device *dev, const char *name, const void *data, u32 len);
/* Contents as they are now; NULL: no such file. Valid until the next add. */
const u8 *fw_cfg_file(struct device *dev, const char *name, u32 *len);

static inline bool fw_cfg_add_u16(struct device *dev, u16 key, u16 v)
{
    return fw_cfg_add_key(dev, key, &v, 2);
}
static inline bool fw_cfg_add_u32(struct device *dev, u16 key, u32 v)
{
    return fw_cfg_add_key(dev, key, &v, 4);
}

#endif
