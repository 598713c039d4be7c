// Precompiled for the command: the client library, the messages and CLI11, which cost seconds each.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/pch.h"
#include "client/client.h"
