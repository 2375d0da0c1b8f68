import Sealing
import Testing

@testable import Serving

@Suite("What a server and the child of a first load tell each other")
struct FirstLoadMessageTests {
    @Test("an order arrives as it was given, and anything else is none")
    func order() throws {
        let order = FirstLoadOrder(
            parent: 77,
            memoryBytes: .max,
            cpuSeconds: 3,
            record: Array("{\"model\":\"ä \\\"q\\\"\"}".utf8),
            card: [0, 255, 10],
            blobs: "/home/some one/store/blobs"
        )
        let read = try #require(FirstLoadOrder(order.encoded()))
        #expect(read.parent == 77)
        #expect(read.memoryBytes == .max)
        #expect(read.cpuSeconds == 3)
        #expect(read.record == order.record)
        #expect(read.card == order.card)
        #expect(read.blobs == order.blobs)
        for count in 0..<order.encoded().count {
            #expect(FirstLoadOrder(Array(order.encoded().prefix(count))) == nil)
        }
    }

    @Test(
        "a step arrives as it was told",
        arguments: [.load, .warmUp, .golden("golden/\"1\".json"), .rows] as [LoadStep]
    )
    func step(_ step: LoadStep) throws {
        guard case .step(let read)? = FirstLoadReport(FirstLoadReport.step(step).encoded()) else {
            Issue.record("no step")
            return
        }
        #expect(read == step)
    }

    @Test("a failure arrives as it would have been thrown here")
    func failures() throws {
        let failures: [Loader.Failure] = [
            .rejected(reason: "golden request golden/0.json: output 'y'", detail: "d"),
            .damaged(ServingError(.dataLoss, "damaged", detail: "d")),
            .refused(ServingError(.notFound, "not there", detail: "d")),
            .passing(ServingError(.unavailable, "later", detail: "d")),
        ]
        for failure in failures {
            let message = FirstLoadReport.failed(failure).encoded()
            guard case .failed(let read)? = FirstLoadReport(message) else {
                Issue.record("no failure")
                continue
            }
            #expect("\(read)" == "\(failure)")
        }
    }

    @Test("its end arrives")
    func ends() {
        guard case .passed? = FirstLoadReport(FirstLoadReport.passed.encoded()),
            case .outOfMemory("d")? = FirstLoadReport(
                FirstLoadReport.outOfMemory(detail: "d").encoded()
            )
        else {
            Issue.record("another end")
            return
        }
    }

    @Test(
        "what is no report is none",
        arguments: ["", "{}", "[]", "{\"step\":\"dance\"}", "{\"end\":\"well\"}", "{\"end\":1}"]
    )
    func noise(text: String) {
        #expect(FirstLoadReport(Array(text.utf8)) == nil)
    }
}
