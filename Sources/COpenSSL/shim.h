// What Swift cannot import from OpenSSL: function-like macros and shift
// expressions, one `static inline` line each. Sealing's part is in crypto.h,
// TLS's in tls.h.
#pragma once
#include "crypto.h"
#include "tls.h"
