/*
 * Body functions: acquire, run the body, release.
 *
 * A longjmp out of the body skips the release. That is sound because a transaction (or
 * subtransaction) abort undoes each of these by itself: memory context, SPI connection, user id and
 * security context, GUC nest level. Never put something here that an abort does not undo.
 */
#pragma once

#include "base/lock.hpp"

namespace appinfra
{

/* Runs the body with another memory context as the current one. */
template <typename Body>
void
in_context(MemoryContext context, Body body)
{
    MemoryContext caller = MemoryContextSwitchTo(context);

    body();
    MemoryContextSwitchTo(caller);
}

/* Runs the body connected to SPI. What it allocates is gone afterwards; results go to `caller`. */
template <typename Body>
void
with_spi(Body body)
{
    MemoryContext caller = CurrentMemoryContext;

    SPI_connect();
    body(caller);
    SPI_finish();
}

/*
 * Runs the body in a transaction of its own, connected to SPI: for workers, never inside another
 * transaction. What the body allocates ends with it; results go to `caller`.
 */
template <typename Body>
void
in_transaction(Body body)
{
    MemoryContext caller = CurrentMemoryContext;

    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    lock::hold_extension();
    PushActiveSnapshot(GetTransactionSnapshot());
    with_spi([&](MemoryContext) { body(caller); });
    PopActiveSnapshot();
    CommitTransactionCommand();
    MemoryContextSwitchTo(caller);
}

/* What an attempt ended with. */
struct Failure {
    int code;
    char *message;
};

/* Returns the failure that the error is, in the current memory context. */
inline Failure *
failure_of(const ErrorData *error)
{
    auto *failure = static_cast<Failure *>(palloc0(sizeof(Failure)));

    failure->code = error->sqlerrcode;
    failure->message = error->message;
    return failure;
}

/*
 * Runs the body and returns what went wrong, or null. For workers, outside any transaction: where
 * one bad item must not stop the rest and its failure has to be recorded. The transaction the body
 * left open is aborted, so that nothing of it stays.
 */
template <typename Body>
const Failure *
attempt(MemoryContext context, Body body)
{
    Failure *volatile failure = nullptr;

    PG_TRY();
    {
        body();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        ErrorData *error = CopyErrorData();
        EmitErrorReport();
        FlushErrorState();
        LWLockReleaseAll(); /* outside a transaction nothing else does */
        AbortCurrentTransaction();
        MemoryContextSwitchTo(context);
        failure = failure_of(error);
    }
    PG_END_TRY();
    return failure;
}

/*
 * Runs the body in a subtransaction and returns what went wrong, or null. For functions, where one
 * bad item must not stop the rest. Only what is wrong with the item is held back: a cancelled
 * statement, a server that shuts down or has no memory ends the whole.
 */
template <typename Body>
const Failure *
attempt_part(Body body)
{
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    Failure *volatile failure = nullptr;

    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        body();
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        ErrorData *error = CopyErrorData();
        int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
        FlushErrorState();
        /* First of all: an error that leaves a subtransaction leaves the session in a transaction
         * that is aborted and waits for a ROLLBACK which its client does not send. */
        RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context);
        if (category == ERRCODE_OPERATOR_INTERVENTION || category == ERRCODE_INSUFFICIENT_RESOURCES)
            ReThrowError(error);
        failure = failure_of(error);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    return failure;
}

} // namespace appinfra
