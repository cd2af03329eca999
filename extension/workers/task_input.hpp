/* What a database task is given (database_task.hpp). */
#pragma once

#include <type_traits>

#include "base/pg.hpp"

namespace appinfra::database_task
{

constexpr size_t input_limit = 512; /* bytes */

/* The input of a task, which is copied when the task begins. It has no pointers. */
struct Input {
    const void *data;
    size_t size;

    template <typename T> Input(const T &input) : data(&input), size(sizeof(T))
    {
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= input_limit);
    }
};

} // namespace appinfra::database_task
