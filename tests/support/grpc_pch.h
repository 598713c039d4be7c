// Precompiled for the suites that talk to a server: gRPC's headers cost seconds in each file.
#pragma once

#include <grpcpp/grpcpp.h>

#include "tests/support/pch.h"
