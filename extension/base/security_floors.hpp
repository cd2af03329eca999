/* Security floors: the minor releases below which a server has known holes. Raised with each
 * release. */
#pragma once

#include "base/pg.hpp"

namespace pg
{

/* The oldest minor release of the running major that has no known hole open to a tenant. */
struct SecurityFloor {
    int major;
    int version_num;
};

/* 15.20 and the minor releases published with it. */
constexpr std::array<SecurityFloor, 4> security_floors = {
    {{15, 150020}, {16, 160016}, {17, 170012}, {18, 180006}}};

} // namespace pg
