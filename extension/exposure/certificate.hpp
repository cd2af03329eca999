/* The rules about the server's certificate. See rules.hpp. */
#pragma once

#include "exposure/rules.hpp"

namespace appinfra::exposure
{

/* Adds what apps that verify the server would refuse, or cannot verify, if it is not near. */
void look_at_certificate(void (*add)(void *, const Row &), void *self);

} // namespace appinfra::exposure
