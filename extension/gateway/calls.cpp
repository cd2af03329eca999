/* Begins and finishes calls. See calls.hpp. */
#include "gateway/calls.hpp"

#include <string_view>

#include "audit/audit.hpp"
#include "base/identifiers.hpp"
#include "base/label.hpp"
#include "base/lock.hpp"
#include "base/scope.hpp"
#include "gateway/call_row.hpp"
#include "gateway/logins.hpp"
#include "shmem/ending_calls.hpp"

namespace appinfra::calls
{

constexpr int body_limit = 1024 * 1024; /* bytes of an answer that is kept */
constexpr int tries = 5;                /* rows that vanish while they are looked for */

enum class Next { run_again, replay, conflict, in_progress };

static const Refusal *check(const call::Attempt &attempt);
static const Refusal *check_idempotency_key(std::string_view key);
static Verdict find(const call::Attempt &attempt, MemoryContext memory);
static Next next_of(const call::Found &found);
static Next next_of_fate(const call::Found &found);
static Verdict answer(const call::Found &found, MemoryContext memory);
static bool note_ending(const Ending &ending, const key::Key &key);
static const Refusal *check_backend(Oid owner, const key::Key &key);

Verdict
begin(call::Attempt attempt)
{
    Verdict verdict = {};

    require(check(attempt));
    with_spi([&](MemoryContext memory) {
        const key::Key *key = key::look(attempt.key_id);

        if (key == nullptr || !key->is_active) {
            verdict.word = "key_inactive";
        } else if (!key->is_workspace_ready()) {
            verdict.word = "workspace_inactive";
        } else {
            require(check_backend(ending_calls::owner_of(attempt.pid), *key));
            attempt.db_id = key->db_id;
            attempt.line = key->line;
            verdict = find(attempt, memory);
        }
    });
    return verdict;
}

/* Checks what can be checked without the registry. */
static const Refusal *
check(const call::Attempt &attempt)
{
    constexpr int hash_bytes = 32;

    if (const Refusal *refusal = gateway_logins::check_name(attempt.gateway))
        return refusal;
    if (VARSIZE_ANY_EXHDR(attempt.request_hash) != hash_bytes)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid request_hash",
                      psprintf("It is a SHA-256: %d bytes.", hash_bytes));
    return check_idempotency_key(attempt.idempotency_key);
}

/* A header's value may have blanks inside, which the keys of other calls may not. */
static const Refusal *
check_idempotency_key(std::string_view key)
{
    constexpr size_t limit = 255;
    bool printable = !key.empty() && key.size() <= limit;

    for (const char c : key)
        printable = printable && c >= ' ' && c <= '~';
    if (printable)
        return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid idempotency_key",
                  "An idempotency key is 1 to 255 printable ASCII characters.");
}

/* Reserves the call, or decides by the row that there is. */
static Verdict
find(const call::Attempt &attempt, MemoryContext memory)
{
    for (int i = 0; i < tries; i++) {
        if (int64 call_id = call::reserve(attempt))
            return {.call_id = call_id, .word = "run", .status = 0, .body = nullptr};
        call::Found found = call::lock(attempt);
        if (found.call_id == 0)
            continue; /* its answer was not kept: it is free again */
        switch (next_of(found)) {
        case Next::replay:
            return answer(found, memory);
        case Next::conflict:
            return {.call_id = found.call_id, .word = "conflict", .status = 0, .body = nullptr};
        case Next::in_progress:
            if (found.is_overdue && found.fate == call::Fate::running)
                ending_calls::end_if(found.pid, found.xid);
            return {.call_id = found.call_id, .word = "in_progress", .status = 0, .body = nullptr};
        case Next::run_again:
            call::run_again(found.call_id, attempt);
            return {.call_id = found.call_id, .word = "run", .status = 0, .body = nullptr};
        }
    }
    return {.call_id = 0, .word = "in_progress", .status = 0, .body = nullptr};
}

/* Decides what becomes of a repetition. What is no longer kept counts as never been. */
static Next
next_of(const call::Found &found)
{
    if (found.is_expired && found.fate != call::Fate::running)
        return Next::run_again;
    if (!found.is_same_request || !found.is_of_this_host)
        return Next::conflict;
    return next_of_fate(found);
}

/* The same for the same request, by what became of its transaction. */
static Next
next_of_fate(const call::Found &found)
{
    switch (found.fate) {
    case call::Fate::running:
        return Next::in_progress;
    case call::Fate::lost:
        return Next::run_again;
    case call::Fate::committed: /* running: its statement was a COMMIT, which wrote nothing */
        return found.is_finished ? Next::replay : Next::run_again;
    case call::Fate::nothing:
        if (found.is_finished)
            return Next::replay;
        return found.is_overdue || found.pid == 0 || !ending_calls::is_running(found.pid)
                   ? Next::run_again
                   : Next::in_progress;
    case call::Fate::unknown:
        break;
    }
    return Next::conflict; /* too old to be told */
}

/* Returns the kept answer, in the caller's memory. */
static Verdict
answer(const call::Found &found, MemoryContext memory)
{
    bytea *body = nullptr;

    in_context(memory, [&] {
        size_t size = VARSIZE_ANY_EXHDR(found.body);

        body = static_cast<bytea *>(palloc(VARHDRSZ + size));
        SET_VARSIZE(body, VARHDRSZ + size);
        memcpy(VARDATA(body), VARDATA_ANY(found.body), size);
    });
    return {.call_id = found.call_id, .word = "replay", .status = found.status, .body = body};
}

bool
finish(const Ending &ending)
{
    bool finished = false;

    require(gateway_logins::check_name(ending.gateway));
    if (ending.body != nullptr && VARSIZE_ANY_EXHDR(ending.body) > body_limit)
        raise(refuse(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "the answer of the call is too long",
                     psprintf("%d bytes are kept at most.", body_limit)));
    with_spi([&](MemoryContext) {
        /* until this commits nobody revokes the key; a row lock would be written by every call */
        lock::share(lock::Kind::api_key, ending.key_id);
        const key::Key *key = key::look(ending.key_id);

        if (key == nullptr || !key->is_active || !key->is_workspace_ready())
            return;
        if (!note_ending(ending, *key))
            return;
        if (ending.call_id != 0 && !call::finish({.call_id = ending.call_id,
                                                  .line = key->line,
                                                  .xid = ending.xid,
                                                  .status = ending.status,
                                                  .body = ending.body}))
            return;
        if (key->is_use_old)
            key::mark_used(ending.key_id);
        call_row::write({.gateway = ending.gateway,
                         .db_id = key->db_id,
                         .key_id = ending.key_id,
                         .request_id = ending.request_id,
                         .endpoint = ending.endpoint,
                         .client_address = ending.client_address,
                         .status = ending.status,
                         .xid = ending.xid,
                         .detail = ending.detail});
        finished = true;
    });
    return finished;
}

/*
 * Notes a call that is going to commit, for who waits for the end of its key. A refusal and a
 * reader's call have nothing to commit. False when its transaction, or its backend, is gone.
 */
static bool
note_ending(const Ending &ending, const key::Key &key)
{
    if (ending.status >= 400 || key.is_reader())
        return true;
    if (ending.xid) {
        require(check_backend(ending_calls::owner_of(*ending.xid), key));
        return ending_calls::note(ending.key_id, *ending.xid);
    }
    int pid = call_row::pid_of(ending.detail);
    if (pid == 0)
        raise(refuse(ERRCODE_INVALID_PARAMETER_VALUE, "the call has neither xid nor pid",
                     "Whoever waits for the end of a revoked key has to find its backend.",
                     "Give the backend of a call without a transaction id as \"pid\" in detail."));
    require(check_backend(ending_calls::owner_of(pid), key));
    return ending_calls::note(ending.key_id, pid);
}

/*
 * Refuses a backend that is no gateway's in the key's workspace: it may be ended, and a gateway
 * ends no others. None has ended already.
 */
static const Refusal *
check_backend(Oid owner, const key::Key &key)
{
    label::Label label;

    if (!OidIsValid(owner) || superuser_arg(GetAuthenticatedUserId()) ||
        (label::of_role(owner, &label) && label::is_gateway_login(label) &&
         strcmp(label.db_id, key.db_id) == 0))
        return nullptr;
    return refuse(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied to have a backend ended",
                  "The call's backend is not that of a gateway's login in the key's workspace.");
}

} // namespace appinfra::calls
