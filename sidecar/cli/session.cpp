// See session.hpp.
#include "cli/session.hpp"

namespace sidecar::cli
{

void
print_json(const Session &session, const Json &document)
{
    session.terminal.print(json_text(document) + "\n");
}

void
show_done(const Session &session, const Json &document, const std::string &sentence)
{
    if (session.json())
        return print_json(session, document);
    session.terminal.note(sentence);
}

void
show_list(const Session &session, const Json &document, const char *list, const Table &table)
{
    if (session.json())
        return print_json(session, document);
    print_table(session.terminal, table, json_object_get(document.get(), list),
                session.is_on("wide"));
}

void
show_members(const Session &session, const Json &document, std::span<const Column> members)
{
    if (session.json())
        return print_json(session, document);
    print_members(session.terminal, members, document.get());
}

bool
may_destroy(const Session &session, const std::string &question)
{
    if (session.is_on("yes") || session.terminal.ask(question))
        return true;
    session.terminal.note("nothing is changed");
    return false;
}

void
put_text(const Json &body, const char *name, const std::string &text)
{
    if (!text.empty())
        json_object_set_new(body.get(), name, json_of(text).release());
}

void
put_flag(const Json &body, const char *name, bool value)
{
    json_object_set_new(body.get(), name, json_boolean(value));
}

std::string
member_text(const Json &document, const char *name)
{
    return value_text(json_object_get(document.get(), name));
}

} // namespace sidecar::cli
