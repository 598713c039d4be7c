#include "net/database_url.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace keyturn {
namespace {

using Map = std::map<std::string, std::string>;

Map Parts(const std::string& text) {
  const std::optional<DatabaseUrl> url = DatabaseUrl::Parse(text);
  EXPECT_TRUE(url.has_value()) << text;
  Map parts;
  if (!url.has_value()) return parts;
  url->ForEachPart([&](absl::string_view name, absl::string_view value) {
    EXPECT_TRUE(DatabaseUrl::IsPart(name)) << name;
    parts[std::string(name)] = std::string(value);
  });
  return parts;
}

// The URL with another part, or "" where it cannot be.
std::string With(const std::string& text, const std::string& name, const std::string& value) {
  std::optional<DatabaseUrl> url = DatabaseUrl::Parse(text);
  EXPECT_TRUE(url.has_value()) << text;
  if (!url.has_value() || !url->Set(name, value)) return "";
  return url->ToText().get();
}

constexpr char kUrl[] = "postgres://alcs:correct-horse@db.internal:5432/alcs?sslmode=require";

TEST(DatabaseUrl, HasItsPartsDecoded) {
  EXPECT_EQ(Parts(kUrl), (Map{{"scheme", "postgres"},
                              {"username", "alcs"},
                              {"password", "correct-horse"},
                              {"host", "db.internal"},
                              {"port", "5432"},
                              {"database", "alcs"},
                              {"options", "sslmode=require"}}));
  EXPECT_EQ(Parts("mysql://u%40x:p%2Fa%3As%25@10.0.0.7/a%20b?x=%2F"), (Map{{"scheme", "mysql"},
                                                                           {"username", "u@x"},
                                                                           {"password", "p/a:s%"},
                                                                           {"host", "10.0.0.7"},
                                                                           {"database", "a b"},
                                                                           {"options", "x=%2F"}}));
  EXPECT_FALSE(DatabaseUrl::IsPart("value"));
}

TEST(DatabaseUrl, OtherTextsAreNone) {
  for (const std::string& text :
       {std::string(), std::string("postgres"), std::string("postgres://db.internal/alcs"),
        std::string("postgres://alcs@db.internal/alcs"),
        std::string("https://user:pass@example.com/"), std::string("postgres://alcs:@db/alcs"),
        std::string("postgres://a:b@c:70000/d"), std::string("postgres://a:b%0a@c/d"),
        std::string("postgres://a:b@c/d\0e", 20)}) {
    EXPECT_FALSE(DatabaseUrl::Parse(text).has_value()) << text;
  }
}

TEST(DatabaseUrl, TakesOtherParts) {
  EXPECT_EQ(With(kUrl, "password", "p/a:s%@ \xc3\xa4"),
            "postgres://alcs:p%2fa%3as%25%40%20%c3%a4@db.internal:5432/alcs?sslmode=require");
  EXPECT_EQ(With(kUrl, "username", "a b"),
            "postgres://a%20b:correct-horse@db.internal:5432/alcs?sslmode=require");
  EXPECT_EQ(With(kUrl, "host", "[::1]"),
            "postgres://alcs:correct-horse@[::1]:5432/alcs?sslmode=require");
  EXPECT_EQ(With(kUrl, "port", ""),
            "postgres://alcs:correct-horse@db.internal/alcs?sslmode=require");
  EXPECT_EQ(With(kUrl, "port", "6432"),
            "postgres://alcs:correct-horse@db.internal:6432/alcs?sslmode=require");
  EXPECT_EQ(With(kUrl, "database", "other"),
            "postgres://alcs:correct-horse@db.internal:5432/other?sslmode=require");
  EXPECT_EQ(With(kUrl, "options", "a=b&c=%20d"),
            "postgres://alcs:correct-horse@db.internal:5432/alcs?a=b&c=%20d");
  EXPECT_EQ(With(kUrl, "options", ""), "postgres://alcs:correct-horse@db.internal:5432/alcs");
  EXPECT_EQ(With(kUrl, "scheme", "postgresql"),
            "postgresql://alcs:correct-horse@db.internal:5432/alcs?sslmode=require");
}

TEST(DatabaseUrl, StaysOneOfADatabase) {
  EXPECT_EQ(With(kUrl, "password", ""), "");
  EXPECT_EQ(With(kUrl, "scheme", "https"), "");
  EXPECT_EQ(With(kUrl, "host", ""), "");
  EXPECT_EQ(With(kUrl, "host", "a/b"), "");
  EXPECT_EQ(With(kUrl, "port", "many"), "");
  EXPECT_EQ(With(kUrl, "port", "70000"), "");
  EXPECT_EQ(With(kUrl, "nothing", "x"), "");
  EXPECT_EQ(With(kUrl, "password", std::string("a\0b", 3)), "");
}

// Whatever a password is made of, who takes the URL apart gets it.
TEST(DatabaseUrl, EachCharacterComesBack) {
  EXPECT_EQ(With(kUrl, "password", "a\nb"), "") << "a URL cannot have it";
  for (int c = 32; c < 127; ++c) {
    for (const char* const name : {"username", "password"}) {
      const std::string value = std::string("a") + static_cast<char>(c) + "b";
      const std::string text = With(kUrl, name, value);
      ASSERT_NE(text, "") << c;
      EXPECT_EQ(Parts(text)[name], value) << c << " " << text;
    }
  }
}

}  // namespace
}  // namespace keyturn
