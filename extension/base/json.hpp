/* JSON objects: begin, add, end. Keys that come twice keep their last value. */
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

/* Adds a member. */
inline void
add(Object *object, const char *key, JsonbValue *value)
{
    JsonbValue name = {};

    name.type = jbvString;
    name.val.string.val = pstrdup(key);
    name.val.string.len = static_cast<int>(strlen(key));
    pushJsonbValue(&object->state, WJB_KEY, &name);
    pushJsonbValue(&object->state, WJB_VALUE, value);
}

/* Adds a text; a null pointer is JSON null. */
inline void
add(Object *object, const char *key, const char *value)
{
    JsonbValue item = {};

    item.type = value != nullptr ? jbvString : jbvNull;
    item.val.string.val =
        value != nullptr ? pstrdup(value) : nullptr; /* the caller may wipe its own */
    item.val.string.len = value != nullptr ? static_cast<int>(strlen(value)) : 0;
    add(object, key, &item);
}

inline void
add(Object *object, const char *key, bool value)
{
    JsonbValue item = {};

    item.type = jbvBool;
    item.val.boolean = value;
    add(object, key, &item);
}

inline void
add(Object *object, const char *key, int64 value)
{
    JsonbValue item = {};

    item.type = jbvNumeric;
    item.val.numeric = int64_to_numeric(value);
    add(object, key, &item);
}

inline Jsonb *
end(Object *object)
{
    return JsonbValueToJsonb(pushJsonbValue(&object->state, WJB_END_OBJECT, nullptr));
}

} // namespace appinfra::json
