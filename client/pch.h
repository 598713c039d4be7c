// Precompiled for the client library: what every room has, and the gRPC headers, which cost seconds
// each.
#pragma once

#include <grpcpp/grpcpp.h>

#include "base/pch.h"
