#include "client/wipe.h"

#include <cstring>

namespace keyturn {

void WipeBuffer(std::string* text) {
  text->resize(text->capacity());
  explicit_bzero(text->data(), text->size());
  text->clear();
}

void WipeValues(v1::SecretData* data) {
  for (v1::Field& field : *data->mutable_fields()) WipeBuffer(field.mutable_value());
}

void WipeValues(v1::GetResponse* response) {
  if (response->has_data()) WipeValues(response->mutable_data());
}

void WipeValues(v1::BatchGetResponse* response) {
  for (v1::BatchGetResponse::Item& item : *response->mutable_items()) {
    if (item.has_secret()) WipeValues(item.mutable_secret());
  }
}

}  // namespace keyturn
