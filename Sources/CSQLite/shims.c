#include "CSQLite.h"

#include <sqlite3.h>

const int database_Defensive = SQLITE_DBCONFIG_DEFENSIVE;
const int database_TrustedSchema = SQLITE_DBCONFIG_TRUSTED_SCHEMA;
const int database_EnableTrigger = SQLITE_DBCONFIG_ENABLE_TRIGGER;
const int database_EnableView = SQLITE_DBCONFIG_ENABLE_VIEW;

int database_Configure(struct sqlite3 *connection, int option, int isOn) {
    return sqlite3_db_config(connection, option, isOn, (int *)0);
}
