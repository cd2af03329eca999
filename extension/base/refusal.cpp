/* Refusals: made as values, raised once. See refusal.hpp. */
#include "base/refusal.hpp"

namespace appinfra
{

const Refusal *
refuse(int code, const char *message, const char *detail, const char *hint)
{
    auto *refusal = static_cast<Refusal *>(palloc(sizeof(Refusal)));

    *refusal = {
        .code = code, .message = message, .detail = detail, .hint = hint, .constraint = nullptr};
    return refusal;
}

void
raise(const Refusal *refusal)
{
    ereport(ERROR,
            (errcode(refusal->code), errmsg("%s", refusal->message),
             refusal->detail ? errdetail("%s", refusal->detail) : 0,
             refusal->hint ? errhint("%s", refusal->hint) : 0,
             refusal->constraint ? err_generic_string(PG_DIAG_CONSTRAINT_NAME, refusal->constraint)
                                 : 0));
    pg_unreachable();
}

void
require(const Refusal *refusal)
{
    if (refusal != nullptr)
        raise(refusal);
}

} // namespace appinfra
