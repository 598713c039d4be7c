#include "revocation/commands/glob.h"

#include <algorithm>
#include <utility>

namespace keyturn {
namespace {

// A plain char is signed on the machines that Redis usually runs on.
int Signed(char c) {
  const int value = static_cast<unsigned char>(c);
  return value < 128 ? value : value - 256;
}

int Lower(int c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; }

}  // namespace

GlobPattern::GlobPattern(absl::string_view pattern, Case letters) : letters_(letters) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    switch (pattern[i]) {
      case '*':
        if (atoms_.empty() || atoms_.back().kind != Atom::Kind::kStar) {
          atoms_.push_back({Atom::Kind::kStar});
        }
        continue;
      case '?':
        atoms_.push_back({Atom::Kind::kAny});
        break;
      case '[':
        i += AddClass(pattern.substr(i + 1));
        break;
      case '\\':
        if (i + 1 < pattern.size()) ++i;
        [[fallthrough]];
      default: {
        const char c = pattern[i];
        const int byte = letters_ == Case::kIgnored ? Lower(c) : c;
        atoms_.push_back({Atom::Kind::kByte, static_cast<unsigned char>(byte)});
      }
    }
    ++bytes_min_;
  }
}

// Of what is behind a '['. How many bytes of it were used.
size_t GlobPattern::AddClass(absl::string_view rest) {
  Bytes bytes;
  size_t i = 0;
  const bool negated = !rest.empty() && rest[0] == '^';
  if (negated) ++i;
  for (; i < rest.size() && rest[i] != ']'; ++i) {
    const size_t left = rest.size() - i;
    if (rest[i] == '\\' && left >= 2) {
      ++i;
      bytes.set(static_cast<unsigned char>(rest[i]));
    } else if (left >= 3 && rest[i + 1] == '-') {
      int from = Signed(rest[i]), to = Signed(rest[i + 2]);
      if (from > to) std::swap(from, to);
      for (int c = -128; c <= 127; ++c) {
        const bool within = letters_ == Case::kIgnored
                                ? Lower(c) >= Lower(from) && Lower(c) <= Lower(to)
                                : c >= from && c <= to;
        if (within) bytes.set(static_cast<unsigned char>(c));
      }
      i += 2;
    } else if (letters_ == Case::kIgnored) {
      for (int c = 0; c < 256; ++c) {
        if (Lower(c) == Lower(static_cast<unsigned char>(rest[i]))) {
          bytes.set(static_cast<size_t>(c));
        }
      }
    } else {
      bytes.set(static_cast<unsigned char>(rest[i]));
    }
  }
  if (negated) bytes.flip();
  atoms_.push_back({Atom::Kind::kClass, 0, static_cast<uint32_t>(classes_.size())});
  classes_.push_back(bytes);
  return std::min(i + 1, rest.size());
}

bool GlobPattern::Takes(const Atom& atom, char c) const {
  switch (atom.kind) {
    case Atom::Kind::kByte:
      return atom.byte == static_cast<unsigned char>(letters_ == Case::kIgnored ? Lower(c) : c);
    case Atom::Kind::kAny:
      return true;
    case Atom::Kind::kClass:
      return classes_[atom.bytes].test(static_cast<unsigned char>(c));
    case Atom::Kind::kStar:
      return false;
  }
  return false;
}

// Each atom but a star takes one byte, so that only the last star seen ever has to take more.
bool GlobPattern::Matches(absl::string_view text) const {
  if (text.empty()) return atoms_.empty();
  if (text.size() < bytes_min_) return false;
  size_t atom = 0, at = 0;
  size_t star = atoms_.size(), star_at = 0;
  while (at < text.size()) {
    if (atom < atoms_.size() && atoms_[atom].kind == Atom::Kind::kStar) {
      star = atom++;
      star_at = at;
    } else if (atom < atoms_.size() && Takes(atoms_[atom], text[at])) {
      ++atom;
      ++at;
    } else if (star < atoms_.size()) {
      atom = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (atom < atoms_.size() && atoms_[atom].kind == Atom::Kind::kStar) ++atom;
  return atom == atoms_.size();
}

}  // namespace keyturn
