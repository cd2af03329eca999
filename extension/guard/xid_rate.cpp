/* Adds up who takes transaction ids. See xid_rate.hpp. */
#include "guard/xid_rate.hpp"

#include "base/settings.hpp"
#include "shmem/transaction_ids.hpp"

namespace appinfra::watchdog
{

using transaction_ids::Account;

constexpr int window_seconds = 10;

/* How many ids were taken in each of the last seconds. */
struct Window {
    int64 second; /* the latest */
    int64 taken[window_seconds];
    int64 sum;
};

struct Tenant {
    char db_id[label::word_limit]; /* key */
    Window window;
};

/* What was seen of a slot before. */
struct Seen {
    int pid;
    Window window; /* of the process */
    Account accounts[transaction_ids::accounts_per_slot];
};

static HTAB *tenants;
static Seen *seen; /* by slot */

static void prepare_memory();
static int64 take_in(int slot, int64 second);
static int64 new_in(const Seen &seen, const Account &account);
static void look_at_process(Use *use, int64 taken, int64 second);
static bool end_burners_of(Tenant *tenant, std::span<Use> uses, int64 limit);
static void move_to(Window *window, int64 second);

bool
end_burners(std::span<Use> uses)
{
    int64 second = GetCurrentTimestamp() / USECS_PER_SEC;
    auto *taken = static_cast<int64 *>(palloc(MaxBackends * sizeof(int64)));
    bool ended = false;
    HASH_SEQ_STATUS all;

    prepare_memory();
    for (int slot = 0; slot < MaxBackends; slot++)
        taken[slot] = take_in(slot, second);
    for (Use &use : uses)
        look_at_process(&use, taken[use.process->slot], second);
    hash_seq_init(&all, tenants);
    while (auto *tenant = static_cast<Tenant *>(hash_seq_search(&all))) {
        move_to(&tenant->window, second);
        if (settings::tenant_xid_rate > 0)
            ended |= end_burners_of(tenant, uses,
                                    static_cast<int64>(settings::tenant_xid_rate) * window_seconds);
        if (tenant->window.sum == 0)
            hash_search(tenants, tenant->db_id, HASH_REMOVE, nullptr);
    }
    return ended;
}

static void
prepare_memory()
{
    HASHCTL info = {};

    if (tenants != nullptr)
        return;
    info.keysize = sizeof(Tenant::db_id);
    info.entrysize = sizeof(Tenant);
    info.hcxt = TopMemoryContext;
    seen =
        static_cast<Seen *>(MemoryContextAllocZero(TopMemoryContext, MaxBackends * sizeof(Seen)));
    tenants = hash_create("appinfra tenants and their transaction ids", 64, &info,
                          HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* Adds to the tenants what is new in the slot; returns what is new of the tenant there. */
static int64
take_in(int slot, int64 second)
{
    Account now[transaction_ids::accounts_per_slot];
    int64 of_current = 0;

    for (int which = 0; which < transaction_ids::accounts_per_slot; which++) {
        now[which] = transaction_ids::account(slot, which);
        int64 taken = new_in(seen[slot], now[which]);
        if (which == 0)
            of_current = taken;
        if (taken == 0)
            continue;
        bool found;
        auto *tenant =
            static_cast<Tenant *>(hash_search(tenants, now[which].db_id, HASH_ENTER, &found));
        if (!found)
            tenant->window = {.second = second, .taken = {}, .sum = 0};
        move_to(&tenant->window, second);
        tenant->window.taken[second % window_seconds] += taken;
        tenant->window.sum += taken;
    }
    memcpy(seen[slot].accounts, now, sizeof(now));
    return of_current;
}

/* Returns how much the account has grown. A smaller count is that of a tenant that came back. */
static int64
new_in(const Seen &seen, const Account &account)
{
    if (account.db_id[0] == '\0')
        return 0;
    for (const Account &before : seen.accounts)
        if (strcmp(before.db_id, account.db_id) == 0 && before.taken <= account.taken)
            return static_cast<int64>(account.taken - before.taken);
    return static_cast<int64>(account.taken);
}

/* Says how many ids the process itself has taken in the last seconds. */
static void
look_at_process(Use *use, int64 taken, int64 second)
{
    int slot = use->process->slot;
    Seen *before = &seen[slot];

    if (before->pid != use->process->pid) {
        before->pid = use->process->pid;
        before->window = {.second = second, .taken = {}, .sum = 0};
    }
    move_to(&before->window, second);
    before->window.taken[second % window_seconds] += taken;
    before->window.sum += taken;
    use->ids = before->window.sum;
    transaction_ids::set_rate(slot, use->process->pid,
                              static_cast<uint32>(use->ids / window_seconds));
}

/*
 * Ends those of the tenant that took most. What they took is settled by that: the tenant's other
 * sessions need not pay for it.
 */
static bool
end_burners_of(Tenant *tenant, std::span<Use> uses, int64 limit)
{
    auto **own = static_cast<Use **>(palloc(uses.size() * sizeof(Use *)));
    size_t count = 0;

    if (tenant->window.sum <= limit)
        return false;
    for (Use &use : uses)
        if (use.ids > 0 && strcmp(use.process->db_id, tenant->db_id) == 0)
            own[count++] = &use;
    int64 of_living = 0;
    for (const Use *use : std::span(own, count))
        if (!use->ended)
            of_living += use->ids;
    end_most({own, count}, limit - (tenant->window.sum - of_living), &Use::ids, "xid_rate",
             "transaction ids in 10 s");
    bool ended = false;
    for (Use *use : std::span(own, count)) {
        if (!use->ended)
            continue;
        Window *settled = &seen[use->process->slot].window;
        for (int i = 0; i < window_seconds; i++)
            tenant->window.taken[i] -= settled->taken[i];
        tenant->window.sum -= settled->sum;
        *settled = {.second = settled->second, .taken = {}, .sum = 0};
        ended = true;
    }
    return ended;
}

/* Forgets the seconds that are over by now, or all of them when the clock was set back. */
static void
move_to(Window *window, int64 second)
{
    if (second < window->second || second - window->second >= window_seconds)
        *window = {.second = second, .taken = {}, .sum = 0};
    while (window->second < second) {
        int64 *oldest = &window->taken[++window->second % window_seconds];

        window->sum -= *oldest;
        *oldest = 0;
    }
}

} // namespace appinfra::watchdog
