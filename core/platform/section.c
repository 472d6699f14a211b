/*
 * A named section of every program and library that is loaded.
 *
 * The linker offers __start_NAME only within one library, so the section headers are read from the
 * files; what they say is believed only where it lies within what is loaded.
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/platform/platform.h"

#define HEADERS_MAX 4096u
#define NAMES_MAX ((size_t)1 << 20)

struct search {
    const char *name;
    bool (*each)(void *context, const void *section, size_t size);
    void *context;
};

static bool read_at(int file, void *out, size_t size, uint64_t at) {
    return at <= INT64_MAX && pread(file, out, size, (off_t)at) == (ssize_t)size;
}

static bool is_loaded(const struct dl_phdr_info *module, const ElfW(Shdr) * header) {
    for (size_t i = 0; i < module->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &module->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || header->sh_addr < segment->p_vaddr) continue;
        uint64_t offset = header->sh_addr - segment->p_vaddr;
        if (offset <= segment->p_filesz && header->sh_size <= segment->p_filesz - offset)
            return true;
    }
    return false;
}

/* False: the search is over. */
static bool look(const struct search *search, const struct dl_phdr_info *module,
                 const ElfW(Shdr) * headers, size_t count, const char *names, size_t names_size) {
    size_t length = strlen(search->name) + 1;
    for (size_t i = 0; i < count; i++) {
        const ElfW(Shdr) *header = &headers[i];
        if (header->sh_name > names_size || names_size - header->sh_name < length) continue;
        if (memcmp(names + header->sh_name, search->name, length) != 0) continue;
        if (!(header->sh_flags & SHF_ALLOC) || !is_loaded(module, header)) continue;
        const void *section = (const void *)(uintptr_t)(module->dlpi_addr + header->sh_addr);
        if (!search->each(search->context, section, header->sh_size)) return false;
    }
    return true;
}

static bool look_in_file(const struct search *search, const struct dl_phdr_info *module, int file) {
    ElfW(Ehdr) elf;
    if (!read_at(file, &elf, sizeof elf, 0) || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0)
        return true;
    if (elf.e_shentsize != sizeof(ElfW(Shdr)) || elf.e_shnum == 0 || elf.e_shnum > HEADERS_MAX ||
        elf.e_shstrndx >= elf.e_shnum)
        return true;
    bool more = true;
    ElfW(Shdr) *headers = calloc(elf.e_shnum, sizeof *headers);
    if (headers != NULL && read_at(file, headers, elf.e_shnum * sizeof *headers, elf.e_shoff)) {
        const ElfW(Shdr) *strings = &headers[elf.e_shstrndx];
        size_t size = strings->sh_size;
        char *names = size == 0 || size > NAMES_MAX ? NULL : malloc(size);
        if (names != NULL && read_at(file, names, size, strings->sh_offset))
            more = look(search, module, headers, elf.e_shnum, names, size);
        free(names);
    }
    free(headers);
    return more;
}

static int look_in_module(struct dl_phdr_info *module, size_t size, void *context) {
    const char *path = module->dlpi_name;
    (void)size;
    int file = open(path == NULL || path[0] == 0 ? "/proc/self/exe" : path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0; /* the kernel's own page has no file */
    bool more = look_in_file(context, module, file);
    (void)close(file);
    return more ? 0 : 1;
}

void tpi_section_each(const char *name,
                      bool (*each)(void *context, const void *section, size_t size),
                      void *context) {
    struct search search = {name, each, context};
    (void)dl_iterate_phdr(look_in_module, &search);
}
