// A user of the command: a home directory with nothing in it, and no variable of the machine's.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "client/cli/profile.h"
#include "client/cli/shell.h"
#include "tests/support/status.h"
#include "tests/support/temp_dir.h"

namespace keyturn::cli {

class CliHome : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"KEYTURN_ADDR", "KEYTURN_CACERT", "KEYTURN_CLIENT_CERT",
                             "KEYTURN_CLIENT_KEY", "KEYTURN_TOKEN", "KEYTURN_TOKEN_FILE",
                             "KEYTURN_PROFILE", "KEYTURN_INFO_FILE", "KEYTURN_DATA_DIR"}) {
      Set(name, "");
    }
    Set("XDG_CONFIG_HOME", dir_.File("config").c_str());
    Set("XDG_STATE_HOME", dir_.File("state").c_str());
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) Restore(name, value);
  }

  void Set(const std::string& name, const std::string& value) {
    const char* const old = std::getenv(name.c_str());
    before_.emplace(name, old == nullptr ? std::nullopt : std::optional<std::string>(old));
    Restore(name, value.empty() ? std::nullopt : std::optional<std::string>(value));
  }
  static void Restore(const std::string& name, const std::optional<std::string>& value) {
    if (!value.has_value()) {
      unsetenv(name.c_str());
      return;
    }
    setenv(name.c_str(), value->c_str(), 1);
  }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.File(name)) << text;
    return dir_.File(name);
  }
  absl::Status Run() {
    shell_->Choose("list", [] { return absl::OkStatus(); });
    return shell_->Run();
  }
  // As the next command is: settings are looked up once in each.
  void Anew() {
    const GlobalFlags flags = shell_->flags;
    shell_ = std::make_unique<Shell>();
    shell_->flags = flags;
  }
  // "value from source".
  std::string Where(const std::string& name) {
    const absl::StatusOr<Settings*> settings = shell_->settings();
    if (!settings.ok()) return std::string(settings.status().message());
    return absl::StrCat((**settings)[name], " from ", (*settings)->SourceOf(name));
  }

  const TempDir dir_;
  std::map<std::string, std::optional<std::string>> before_;
  std::unique_ptr<Shell> shell_ = std::make_unique<Shell>();
};

}  // namespace keyturn::cli
