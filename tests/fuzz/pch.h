// Precompiled for the fuzz targets and for what they try.
#pragma once

#include <nlohmann/json.hpp>

#include "base/pch.h"
#include "keyturn/record/v1/auth.pb.h"
#include "keyturn/record/v1/keyring.pb.h"
#include "keyturn/record/v1/vault.pb.h"
#include "keyturn/v1/secret_service.pb.h"
