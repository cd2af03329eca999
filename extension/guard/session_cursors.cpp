/*
 * Keeps a client's cursors from made code. See session_cursors.hpp.
 *
 * A portal that is marked as running can be neither run nor dropped, and so its name cannot be
 * taken either: core protects the portal of the statement that is running in this way. No hook
 * tells of portals, and core lists them for nobody; but each has a memory context of its own, which
 * bears its name.
 */
#include "guard/session_cursors.hpp"

namespace appinfra::guard::session_cursors
{

struct Client {
    Portal portal;
    PortalStatus status; /* its own, while it is marked as running */
};

static Client *clients; /* the portals of the session when made code began */
static int count;
static int room;
static LocalTransactionId transaction; /* in which it began */

static MemoryContext all_portals();
static Portal portal_of(MemoryContext context);
static void make_room();
static void give_back(const Client &client);
static bool is_clients(Portal portal);

void
enter()
{
    count = 0;
    for (MemoryContext one = all_portals()->firstchild; one != nullptr; one = one->nextchild) {
        if (count == room)
            make_room();
        if (Portal portal = portal_of(one))
            clients[count++] = {.portal = portal, .status = portal->status};
    }
    transaction = pg::local_transaction();
    for (const Client &client : std::span(clients, static_cast<size_t>(count)))
        client.portal->status = PORTAL_ACTIVE;
}

void
leave()
{
    for (const Client &client : std::span(clients, static_cast<size_t>(count)))
        give_back(client);
}

const char *
left_open()
{
    for (MemoryContext one = all_portals()->firstchild; one != nullptr; one = one->nextchild) {
        Portal portal = portal_of(one);

        if (portal != nullptr && !is_clients(portal))
            return portal->name;
    }
    return nullptr;
}

/* Returns the parent of the memory contexts of all portals. */
static MemoryContext
all_portals()
{
    static MemoryContext found;

    for (MemoryContext one = TopMemoryContext->firstchild; one != nullptr && found == nullptr;
         one = one->nextchild)
        if (strcmp(one->name, "TopPortalContext") == 0)
            found = one;
    if (found == nullptr)
        elog(ERROR, "the portals of this session cannot be found");
    return found;
}

/* The unnamed portal is named in a way of its own there. */
static Portal
portal_of(MemoryContext context)
{
    if (context->ident == nullptr)
        return nullptr;
    Portal portal = GetPortalByName(context->ident);
    if (portal == nullptr && strcmp(context->ident, "<unnamed>") == 0)
        portal = GetPortalByName("");
    return portal != nullptr && portal->portalContext == context ? portal : nullptr;
}

static void
make_room()
{
    int wanted = Max(16, room * 2);

    clients = static_cast<Client *>(
        clients == nullptr
            ? MemoryContextAlloc(TopMemoryContext, static_cast<size_t>(wanted) * sizeof(Client))
            : repalloc(clients, static_cast<size_t>(wanted) * sizeof(Client)));
    room = wanted;
}

/*
 * Where a procedure has ended the transaction, core has passed over the portal as one that is
 * running: then what it was made of is gone, unless its rows were kept beyond a transaction before.
 */
static void
give_back(const Client &client)
{
    Portal portal = client.portal;
    bool is_gone =
        transaction != pg::local_transaction() && portal->createSubid != InvalidSubTransactionId;

    portal->status = client.status;
    if (is_gone && client.status != PORTAL_ACTIVE && client.status != PORTAL_DONE &&
        client.status != PORTAL_FAILED)
        MarkPortalFailed(portal);
}

static bool
is_clients(Portal portal)
{
    for (const Client &client : std::span(clients, static_cast<size_t>(count)))
        if (client.portal == portal)
            return true;
    return false;
}

} // namespace appinfra::guard::session_cursors
