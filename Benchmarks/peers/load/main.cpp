// Load for every server of the comparison: the same connections, TLS, loop and clock, whatever the
// protocol. One thread, closed loop. Prints one line of JSON; exit 1 if a call failed.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <getopt.h>
#include <sstream>
#include <sys/resource.h>

#include "client.h"
#include "process.h"
#include "protobuf.h"

namespace {

constexpr char kUsage[] =
    "usage: load --protocol echo|ttrpc|grpc|http --port N --ca FILE [--cert FILE --key FILE]\n"
    "            [--connections N] [--depth N] [--duration SECONDS] [--warm-up SECONDS]\n"
    "            [--pid SERVER]\n"
    "            [--model NAME --input NAME --shape N,... --outputs N]   FP32 values of an answer\n"
    "            [--request BYTES --reply BYTES]                         of echo\n";

struct Options {
    std::string protocol, model = "mlp", input = "x", shape = "1,4";
    TLSFiles tls;
    int port = 0, connections = 1, depth = 1, pid = 0;
    size_t outputs = 3, request = 200, reply = 200;
    double duration = 5, warm_up = 1;
};

Options parse(int count, char **arguments) {
    Options options;
    const option names[] = {{"protocol", 1, nullptr, 'p'}, {"port", 1, nullptr, 'P'},
        {"ca", 1, nullptr, 'a'}, {"cert", 1, nullptr, 'c'}, {"key", 1, nullptr, 'k'},
        {"connections", 1, nullptr, 'n'}, {"depth", 1, nullptr, 'd'},
        {"duration", 1, nullptr, 't'}, {"warm-up", 1, nullptr, 'w'}, {"pid", 1, nullptr, 'i'},
        {"model", 1, nullptr, 'm'}, {"input", 1, nullptr, 'I'}, {"shape", 1, nullptr, 's'},
        {"outputs", 1, nullptr, 'o'}, {"request", 1, nullptr, 'q'}, {"reply", 1, nullptr, 'r'},
        {}};
    for (int name; (name = getopt_long(count, arguments, "", names, nullptr)) != -1;) {
        switch (name) {
            case 'p': options.protocol = optarg; break;
            case 'P': options.port = atoi(optarg); break;
            case 'a': options.tls.authority = optarg; break;
            case 'c': options.tls.certificate = optarg; break;
            case 'k': options.tls.key = optarg; break;
            case 'n': options.connections = atoi(optarg); break;
            case 'd': options.depth = atoi(optarg); break;
            case 't': options.duration = atof(optarg); break;
            case 'w': options.warm_up = atof(optarg); break;
            case 'i': options.pid = atoi(optarg); break;
            case 'm': options.model = optarg; break;
            case 'I': options.input = optarg; break;
            case 's': options.shape = optarg; break;
            case 'o': options.outputs = strtoul(optarg, nullptr, 10); break;
            case 'q': options.request = strtoul(optarg, nullptr, 10); break;
            case 'r': options.reply = strtoul(optarg, nullptr, 10); break;
            default: fputs(kUsage, stderr); exit(64);
        }
    }
    if (options.port <= 0 || options.connections <= 0 || options.depth <= 0
        || options.request == 0 || options.reply == 0 || options.tls.authority.empty()) {
        fputs(kUsage, stderr);
        exit(64);
    }
    return options;
}

std::vector<int64_t> dimensions(const std::string &text) {
    std::vector<int64_t> sizes;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) sizes.push_back(std::stoll(part));
    return sizes;
}

// Processor time of this process, in seconds.
double own_cpu() {
    rusage use;
    getrusage(RUSAGE_SELF, &use);
    return double(use.ru_utime.tv_sec + use.ru_stime.tv_sec)
        + double(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

// Nanoseconds as microseconds.
double micro(uint64_t nanoseconds) { return double(nanoseconds) / 1e3; }

void report(const Options &options, const Tally &tally, double seconds, double client_cpu,
    const ProcessUse &before, const ProcessUse &after) {
    double answers = double(tally.latencies.count()), each = answers > 0 ? 1e6 / answers : 0;
    printf("{\"protocol\":\"%s\",\"connections\":%d,\"depth\":%d,\"answers\":%.0f,\"failed\":%llu,"
           "\"per_second\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,"
           "\"client_cpu_us\":%.2f",
        options.protocol.c_str(), options.connections, options.depth, answers,
        static_cast<unsigned long long>(tally.failed), answers / seconds,
        micro(tally.latencies.percentile(0.5)), micro(tally.latencies.percentile(0.99)),
        micro(tally.latencies.longest()), client_cpu * each);
    if (options.pid > 0)
        printf(",\"server_cpu_us\":%.2f,\"server_rss_mb\":%.1f",
            (after.cpu_seconds - before.cpu_seconds) * each,
            double(after.resident_bytes) / 1e6);
    printf(",\"sample\":[");
    for (size_t i = 0; i < tally.reference.size() && i < 4; i++)
        printf("%s%.5g", i ? "," : "", double(tally.reference[i]));
    printf("]}\n");
}

int run(const Options &options) {
    bool echo = options.protocol == "echo";
    CallPlan plan{echo ? std::string(options.request, 'x')
                       : predict_request(options.model, options.input, dimensions(options.shape)),
        options.reply, options.depth, "127.0.0.1:" + std::to_string(options.port)};
    Tally tally(echo ? 0 : options.outputs);
    const std::map<std::string, decltype(&make_echo)> protocols{
        {"echo", make_echo}, {"ttrpc", make_ttrpc}, {"grpc", make_grpc}, {"http", make_http}};
    auto make = protocols.find(options.protocol);
    if (make == protocols.end()) {
        fputs(kUsage, stderr);
        return 64;
    }
    const char *alpn = options.protocol == "grpc" ? "h2" : "";
    Client client(options.tls, alpn, options.port, options.connections, options.depth, tally,
        [&] { return make->second(plan, tally); });
    client.run(options.warm_up);
    ProcessUse before = options.pid > 0 ? ProcessUse::of(options.pid) : ProcessUse();
    double own_before = own_cpu();
    uint64_t start = monotonic_nanoseconds();
    tally.measuring = true;
    client.run(options.duration);
    double seconds = double(monotonic_nanoseconds() - start) / 1e9;
    double own = own_cpu() - own_before;
    ProcessUse after = options.pid > 0 ? ProcessUse::of(options.pid) : ProcessUse();
    report(options, tally, seconds, own, before, after);
    if (tally.failed > 0) fprintf(stderr, "load: %s\n", tally.failure.c_str());
    return tally.failed > 0 || tally.latencies.count() == 0 ? 1 : 0;
}

}  // namespace

int main(int count, char **arguments) {
    Options options = parse(count, arguments);
    signal(SIGPIPE, SIG_IGN);
    try {
        return run(options);
    } catch (const std::exception &error) {
        fprintf(stderr, "load: %s\n", error.what());
        return 1;
    }
}
