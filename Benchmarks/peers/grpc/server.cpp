// A gRPC server of one model, as one would write it by hand for speed: the asynchronous interface,
// a completion queue and a thread for each core, call objects that are used again, and the model
// run where the request was read. Usage: grpc CERTIFICATE KEY LIBRARY MODEL [THREADS]; it prints
// its port and serves until it is ended. grpc --time LIBRARY MODEL ROWS prints the nanoseconds that
// the model alone takes.
#include <absl/synchronization/mutex.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <grpcpp/grpcpp.h>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "model.h"
#include "strongroom/v1/prediction.grpc.pb.h"

namespace {

using strongroom::v1::Prediction;

constexpr int kCallsWaiting = 128;  // call objects of a queue, each for one call at a time

class Call {
   public:
    Call(Prediction::AsyncService &service, grpc::ServerCompletionQueue &queue, const Model &model)
        : service_(service), queue_(queue), model_(model) {
        wait();
    }

    // Goes on after what it waited for.
    void proceed(bool ok) {
        if (finishing_ || !ok) return wait();
        finishing_ = true;
        try {
            predict();
            responder_->Finish(response_, grpc::Status::OK, this);
        } catch (const std::exception &error) {
            grpc::Status status(grpc::StatusCode::INVALID_ARGUMENT, error.what());
            responder_->FinishWithError(status, this);
        }
    }

   private:
    void wait() {
        finishing_ = false;
        responder_.reset();
        context_.emplace();
        responder_.emplace(&*context_);
        service_.RequestPredict(&*context_, &request_, &*responder_, &queue_, &queue_, this);
    }

    void predict() {
        if (request_.inputs_size() != 1 || request_.inputs(0).shape_size() != 2)
            throw std::invalid_argument("one input of two dimensions is expected");
        const auto &input = request_.inputs(0);
        response_.set_model_name(request_.model().name());
        response_.set_model_version(1);
        if (response_.outputs_size() == 0) response_.add_outputs();
        auto &output = *response_.mutable_outputs(0);
        output.set_name(model_.output_name());
        output.set_data_type(input.data_type());
        output.clear_shape();
        output.add_shape(input.shape(0));
        output.add_shape(model_.output_width());
        model_.run(input.data(), input.shape(0), *output.mutable_data());
    }

    Prediction::AsyncService &service_;
    grpc::ServerCompletionQueue &queue_;
    const Model &model_;
    strongroom::v1::PredictRequest request_;
    strongroom::v1::PredictResponse response_;
    std::optional<grpc::ServerContext> context_;
    std::optional<grpc::ServerAsyncResponseWriter<strongroom::v1::PredictResponse>> responder_;
    bool finishing_ = false;
};

void serve(Prediction::AsyncService &service, grpc::ServerCompletionQueue &queue,
    const Model &model) {
    std::vector<std::unique_ptr<Call>> calls;
    for (int i = 0; i < kCallsWaiting; i++)
        calls.push_back(std::make_unique<Call>(service, queue, model));
    void *tag;
    for (bool ok; queue.Next(&tag, &ok);) static_cast<Call *>(tag)->proceed(ok);
}

std::string contents(const char *path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

int serve(char **arguments, unsigned threads) {
    Model model(arguments[3], arguments[4]);
    Prediction::AsyncService service;
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({contents(arguments[2]), contents(arguments[1])});
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
    builder.RegisterService(&service);
    builder.SetMaxReceiveMessageSize(-1);
    // What watches calls is left out: this server has no use for it.
    builder.AddChannelArgument(GRPC_ARG_MINIMAL_STACK, 1);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
    std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
    for (unsigned i = 0; i < threads; i++) queues.push_back(builder.AddCompletionQueue());
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (!server) throw std::runtime_error("the server does not start");
    printf("%d\n", port);
    fflush(stdout);
    std::vector<std::thread> pollers;
    for (auto &queue : queues)
        pollers.emplace_back([&] { serve(service, *queue, model); });
    for (std::thread &poller : pollers) poller.join();
    return 0;
}

// Nanoseconds of one run of the model, the median of some rounds.
int time_model(const char *library, const char *file, int64_t rows) {
    Model model(library, file);
    std::string input(size_t(rows * model.input_width()) * sizeof(float), '\0'), output;
    std::vector<double> rounds;
    for (int round = 0; round < 9; round++) {
        auto start = std::chrono::steady_clock::now(), end = start;
        int64_t runs = 0;
        for (; end - start < std::chrono::milliseconds(100); end = std::chrono::steady_clock::now())
            for (int i = 0; i < 16; i++, runs++) model.run(input, rows, output);
        rounds.push_back(std::chrono::duration<double, std::nano>(end - start).count()
            / double(runs));
    }
    std::sort(rounds.begin(), rounds.end());
    printf("%.0f\n", rounds[rounds.size() / 2]);
    return 0;
}

}  // namespace

int main(int count, char **arguments) {
    // Debian's build looks for deadlocks at every lock.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    try {
        if (count == 5 && strcmp(arguments[1], "--time") == 0)
            return time_model(arguments[2], arguments[3], std::stoll(arguments[4]));
        if (count == 5 || count == 6)
            return serve(arguments,
                count == 6 ? unsigned(std::stoul(arguments[5]))
                           : std::thread::hardware_concurrency());
    } catch (const std::exception &error) {
        fprintf(stderr, "grpc: %s\n", error.what());
        return 1;
    }
    fprintf(stderr,
        "usage: grpc CERTIFICATE KEY LIBRARY MODEL [THREADS] | grpc --time LIBRARY MODEL ROWS\n");
    return 64;
}
