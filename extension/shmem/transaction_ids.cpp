/* Counts transaction ids in shared memory. See transaction_ids.hpp. */
#include "shmem/transaction_ids.hpp"

#include "shmem/segments.hpp"

namespace appinfra::transaction_ids
{

/*
 * The accounts are written by the process in the slot, the rest by our workers. A reader may see a
 * tenant's name with another's count for a moment; its next look puts that right.
 */
struct Slot {
    Account accounts[accounts_per_slot]; /* of the tenant that is there, and of the one before */
    int temporary_pid;
    TransactionId temporary;
    int rate_pid;
    uint32 rate;
};

static Slot *slots;
static volatile Account *mine; /* null: this process is no tenant's */

static size_t size();
static void attach(void *memory, bool is_new);
static void on_transaction_end(XactEvent event, void *argument);
static void on_subtransaction_end(SubXactEvent event, SubTransactionId transaction,
                                  SubTransactionId parent, void *argument);

void
define()
{
    segments::add({.name = "appinfra transaction ids", .size = size, .attach = attach});
}

void
count_for(const char *db_id)
{
    Slot *slot = &slots[pg::number_of(MyProc)];

    if (strcmp(slot->accounts[0].db_id, db_id) != 0) {
        slot->accounts[1] = slot->accounts[0];
        slot->accounts[0].taken = 0;
        strlcpy(slot->accounts[0].db_id, db_id, sizeof(slot->accounts[0].db_id));
    }
    if (mine == nullptr) {
        RegisterXactCallback(on_transaction_end, nullptr);
        RegisterSubXactCallback(on_subtransaction_end, nullptr);
    }
    mine = &slot->accounts[0];
}

Account
account(int slot, int which)
{
    return slots[slot].accounts[which];
}

void
set_temporary(int slot, int pid, TransactionId oldest)
{
    slots[slot].temporary_pid = 0;
    pg_write_barrier();
    slots[slot].temporary = oldest;
    pg_write_barrier();
    slots[slot].temporary_pid = pid;
}

TransactionId
temporary(int slot, int pid)
{
    return slots[slot].temporary_pid == pid ? slots[slot].temporary : InvalidTransactionId;
}

void
set_rate(int slot, int pid, uint32 rate)
{
    slots[slot].rate = rate;
    slots[slot].rate_pid = pid;
}

uint32
rate(int slot, int pid)
{
    return slots[slot].rate_pid == pid ? slots[slot].rate : 0;
}

static size_t
size()
{
    return mul_size(MaxBackends, sizeof(Slot));
}

static void
attach(void *memory, bool)
{
    slots = static_cast<Slot *>(memory);
}

static void
on_transaction_end(XactEvent event, void *)
{
    if ((event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) &&
        TransactionIdIsValid(GetTopTransactionIdIfAny()))
        mine->taken = mine->taken + 1;
}

static void
on_subtransaction_end(SubXactEvent event, SubTransactionId, SubTransactionId, void *)
{
    if ((event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB) &&
        TransactionIdIsValid(GetCurrentTransactionIdIfAny()))
        mine->taken = mine->taken + 1;
}

} // namespace appinfra::transaction_ids
