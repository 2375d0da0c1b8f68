// What a process and its descendants used, from /proc.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <unistd.h>

struct ProcessUse {
    double cpu_seconds = 0;      // user and system, all threads, children that ended included
    uint64_t resident_bytes = 0;

    static ProcessUse of(int pid) {
        struct Entry {
            int parent;
            uint64_t ticks, pages;
        };
        std::map<int, Entry> all;
        for (const auto &folder : std::filesystem::directory_iterator("/proc")) {
            std::string name = folder.path().filename();
            if (name.find_first_not_of("0123456789") != std::string::npos) continue;
            std::ifstream file(folder.path() / "stat");
            std::string text((std::istreambuf_iterator<char>(file)), {});
            size_t end = text.rfind(')');  // the command before it may have spaces
            if (end == std::string::npos) continue;
            std::istringstream fields(text.substr(end + 1));
            std::string field;
            Entry entry{};
            for (int number = 3; number <= 24 && fields >> field; number++) {
                if (number == 4) entry.parent = std::stoi(field);
                if (number >= 14 && number <= 17) entry.ticks += std::stoull(field);
                if (number == 24) entry.pages = std::stoull(field);
            }
            all[std::stoi(name)] = entry;
        }
        std::set<int> tree{pid};
        for (bool grew = true; grew;) {
            grew = false;
            for (const auto &[id, entry] : all)
                if (tree.count(entry.parent) && tree.insert(id).second) grew = true;
        }
        ProcessUse use;
        for (int id : tree) {
            use.cpu_seconds += double(all[id].ticks) / double(sysconf(_SC_CLK_TCK));
            use.resident_bytes += all[id].pages * uint64_t(sysconf(_SC_PAGESIZE));
        }
        return use;
    }
};
