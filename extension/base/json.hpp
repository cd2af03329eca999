/* JSON objects of texts: begin, add, end. Keys that come twice keep their last value. */
#pragma once

#include "base/pg.hpp"

namespace appinfra::json
{

struct Object {
    JsonbParseState *state;
};

inline void
begin(Object *object)
{
    object->state = nullptr;
    pushJsonbValue(&object->state, WJB_BEGIN_OBJECT, nullptr);
}

/* Adds a member; a null pointer is JSON null. */
inline void
add(Object *object, const char *key, const char *value)
{
    JsonbValue item = {};

    item.type = jbvString;
    item.val.string.val = pstrdup(key);
    item.val.string.len = static_cast<int>(strlen(key));
    pushJsonbValue(&object->state, WJB_KEY, &item);
    item.type = value != nullptr ? jbvString : jbvNull;
    item.val.string.val =
        value != nullptr ? pstrdup(value) : nullptr; /* the caller may wipe its own */
    item.val.string.len = value != nullptr ? static_cast<int>(strlen(value)) : 0;
    pushJsonbValue(&object->state, WJB_VALUE, &item);
}

inline Jsonb *
end(Object *object)
{
    return JsonbValueToJsonb(pushJsonbValue(&object->state, WJB_END_OBJECT, nullptr));
}

} // namespace appinfra::json
