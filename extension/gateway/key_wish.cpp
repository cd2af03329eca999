/* Checks what is asked for of a key. See key_wish.hpp. */
#include "gateway/key_wish.hpp"

#include "base/identifiers.hpp"

namespace appinfra::keys
{

const Refusal *
check(const Wanted &wanted)
{
    const Interval zero = {};

    if (const Refusal *refusal = check_role(wanted.role))
        return refusal;
    if (strcmp(wanted.env, "dev") != 0 && strcmp(wanted.env, "live") != 0 &&
        strcmp(wanted.env, "test") != 0)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid env for a key",
                      psprintf("\"%s\" is not an env of keys.", identifiers::excerpt(wanted.env)),
                      "An env is one of dev, live, test.");
    if (wanted.name != nullptr && strlen(wanted.name) > key::name_limit)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "the name of a key is too long",
                      psprintf("It is %d bytes at most.", key::name_limit));
    if (wanted.valid_for != nullptr &&
        DatumGetInt32(DirectFunctionCall2(interval_cmp, IntervalPGetDatum(wanted.valid_for),
                                          IntervalPGetDatum(&zero))) == 0)
        return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "valid_for is zero",
                      "The key would have expired before it is used.");
    return nullptr;
}

const Refusal *
check_role(const char *role)
{
    if (key::access_of(role) != nullptr)
        return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "invalid role for a key",
                  psprintf("\"%s\" is not a role of keys.", identifiers::excerpt(role)),
                  "A role is one of dbadmin, dbuser, reader.");
}

const Refusal *
check_overlap(const Interval *overlap)
{
    const Interval limit = {.time = 0, .day = 90, .month = 0};

    if (DatumGetInt32(DirectFunctionCall2(interval_cmp, IntervalPGetDatum(overlap),
                                          IntervalPGetDatum(&limit))) <= 0)
        return nullptr;
    return refuse(ERRCODE_INVALID_PARAMETER_VALUE, "overlap is too long", "It is 90 days at most.");
}

} // namespace appinfra::keys
