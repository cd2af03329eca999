/*
 * What a visit shares with its caller: the segment, and the form of its messages. For visit.cpp and
 * visitor.cpp only.
 *
 * A message is a kind, the encoding of its texts, then texts: each a length (-1: NULL), the bytes.
 */
#pragma once

#include "workers/visit.hpp"

namespace appinfra::visit
{

enum class Kind : char { row = 'r', failure = 'f', done = 'd' };

constexpr size_t queue_size = 64 * 1024;

struct Segment {
    Order order;
};

constexpr size_t queue_offset = MAXALIGN(sizeof(Segment));

} // namespace appinfra::visit
