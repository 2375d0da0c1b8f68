import Testing

@testable import Wire

@Suite("Status")
struct StatusTests {
    @Test("the codes are gRPC's, 0 to 16")
    func codes() {
        #expect(StatusCode.allCases.map(\.rawValue) == Array(0...16))
        #expect(StatusCode(rawValue: 3)?.name == "INVALID_ARGUMENT")
        #expect(StatusCode(rawValue: 13)?.name == "INTERNAL")
        #expect(StatusCode(rawValue: 17) == nil)
        #expect(Set(StatusCode.allCases.map(\.name)).count == 17)
    }

    @Test("a wire error is a status with the same text")
    func wireError() {
        let error = WireError(.invalidArgument, "Request.method: is not valid UTF-8")
        #expect(error.status == Status(.invalidArgument, "Request.method: is not valid UTF-8"))
        #expect("\(error)" == "INVALID_ARGUMENT: Request.method: is not valid UTF-8")
    }
}
