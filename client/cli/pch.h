// Precompiled for the command: the client library and the messages, which cost seconds each.
#pragma once

#include <nlohmann/json.hpp>

#include "base/pch.h"
#include "client/client.h"
