// Settings of an SQLite connection. sqlite3_db_config is variadic, which Swift cannot call.
#pragma once

struct sqlite3;

// Options of sqlite3_db_config, with the values of sqlite3.h.
extern const int database_Defensive;
extern const int database_TrustedSchema;
extern const int database_EnableTrigger;
extern const int database_EnableView;

// Sets an option that is on or off. Returns an SQLite result code.
int database_Configure(struct sqlite3 *_Nonnull connection, int option, int isOn);
