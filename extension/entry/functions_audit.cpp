/* The SQL entry points of the audit log, thin: call the module, pack the answer. */
#include "audit/seals.hpp"
#include "base/installation.hpp"
#include "base/refusal.hpp"
#include "base/scope.hpp"
#include "entry/arguments.hpp"

using namespace appinfra;
using namespace appinfra::arguments;

extern "C" {
SQL_FUNCTION(appinfra_refuse_audit_change);
SQL_FUNCTION(appinfra_verify_audit);
}

Datum
appinfra_refuse_audit_change(PG_FUNCTION_ARGS)
{
    if (!CALLED_AS_TRIGGER(fcinfo))
        raise(refuse(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                     "refuse_audit_change() is for triggers only"));
    auto *trigger = reinterpret_cast<TriggerData *>(fcinfo->context);
    seals::refuse_change(RelationGetRelationName(trigger->tg_relation));
    PG_RETURN_POINTER(nullptr);
}

Datum
appinfra_verify_audit(PG_FUNCTION_ARGS)
{
    installation::require_ours();
    Datum values[5] = {};
    bool nulls[5] = {};

    with_spi([&](MemoryContext caller) {
        seals::Verdict verdict = seals::verify();

        in_context(caller, [&] {
            values[0] = BoolGetDatum(verdict.ok);
            values[1] = Int64GetDatum(verdict.sealed);
            values[2] = Int64GetDatum(verdict.unsealed);
            values[3] = Int64GetDatum(verdict.first_bad);
            nulls[3] = verdict.first_bad == 0;
            nulls[4] = verdict.detail == nullptr;
            if (!nulls[4])
                values[4] = CStringGetTextDatum(verdict.detail);
        });
    });
    PG_RETURN_DATUM(row(fcinfo, values, nulls));
}
