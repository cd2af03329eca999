/*
 * The script of an allowed extension, and the library that belongs to it. Part of
 * guard_function.hpp.
 *
 * PostgreSQL runs the script of a trusted extension as the bootstrap superuser, in the tenant's
 * session. It may make C functions of its own library, which its control file names.
 */
#include "guard_function.hpp"

#include "settings.hpp"

namespace appinfra::guard
{

static const char *module_of(const char *extension);

bool
is_in_allowed_extension()
{
    if (!creating_extension)
        return false;
    const char *name = get_extension_name(CurrentExtensionObject);
    return name != nullptr && settings::is_allowed_extension(name);
}

bool
is_own_module(const char *library)
{
    const char *name = creating_extension ? get_extension_name(CurrentExtensionObject) : nullptr;
    const char *module = name != nullptr ? module_of(name) : nullptr;

    return name != nullptr && ((module != nullptr && strcmp(module, library) == 0) ||
                               strcmp(psprintf("$libdir/%s", name), library) == 0);
}

/* Returns module_pathname of the extension's control file, or null. */
static const char *
module_of(const char *extension)
{
    char share[MAXPGPATH];
    ConfigVariable *head = nullptr;
    ConfigVariable *tail = nullptr;
    const char *module = nullptr;

    get_share_path(my_exec_path, share);
    const char *path = psprintf("%s/extension/%s.control", share, extension);
    FILE *file = AllocateFile(path, "r");
    if (file == nullptr)
        return nullptr;
    (void)ParseConfigFp(file, path, 0, ERROR, &head, &tail);
    FreeFile(file);
    for (const ConfigVariable *item = head; item != nullptr; item = item->next)
        if (strcmp(item->name, "module_pathname") == 0)
            module = pstrdup(item->value);
    FreeConfigVariables(head);
    return module;
}

} // namespace appinfra::guard
