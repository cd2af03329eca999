/*
 * The script of an allowed extension, and the library that belongs to it. Part of
 * function.hpp.
 *
 * PostgreSQL runs the script of a trusted extension as the bootstrap superuser, in the tenant's
 * session. It may make C functions of its own library, which its control file names.
 */
#include "guard/function.hpp"

#include "base/settings.hpp"

namespace appinfra::guard
{

bool
is_in_allowed_extension()
{
    return extension_at_work() != nullptr;
}

const char *
extension_at_work()
{
    if (!creating_extension)
        return nullptr;
    const char *name = get_extension_name(CurrentExtensionObject);
    return name != nullptr && settings::is_allowed_extension(name) ? name : nullptr;
}

bool
is_own_module(const char *library)
{
    const char *name = creating_extension ? get_extension_name(CurrentExtensionObject) : nullptr;
    const char *module = name != nullptr ? control_item(name, "module_pathname") : nullptr;

    return name != nullptr && ((module != nullptr && strcmp(module, library) == 0) ||
                               strcmp(psprintf("$libdir/%s", name), library) == 0);
}

const char *
control_item(const char *extension, const char *item)
{
    char share[MAXPGPATH];
    ConfigVariable *head = nullptr;
    ConfigVariable *tail = nullptr;
    const char *found = nullptr;

    get_share_path(my_exec_path, share);
    const char *path = psprintf("%s/extension/%s.control", share, extension);
    FILE *file = AllocateFile(path, "r");
    if (file == nullptr)
        return nullptr;
    (void)ParseConfigFp(file, path, 0, ERROR, &head, &tail);
    FreeFile(file);
    for (const ConfigVariable *line = head; line != nullptr; line = line->next)
        if (strcmp(line->name, item) == 0)
            found = pstrdup(line->value);
    FreeConfigVariables(head);
    return found;
}

} // namespace appinfra::guard
