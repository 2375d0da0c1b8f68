import Sealing
import Testing

@testable import Registry
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

    @Test(
        "the findings about a version that has passed arrive, but for the wait, which is the card's"
    )
    func findings() throws {
        let merged = BatchPlan(
            isMerged: true,
            why: "rows \"are\" independent\n",
            maxRows: 37,
            maxDelayUs: 0,
            isAtPublishersRisk: true,
            checkMs: 1_234
        )
        for plan in [merged, .alone("the card says so")] {
            for isDeterministic in [true, false] {
                let findings = VersionFindings(plan: plan, isDeterministic: isDeterministic)
                let message = FirstLoadReport.passed(findings).encoded()
                guard case .passed(let read)? = FirstLoadReport(message) else {
                    Issue.record("it has not passed")
                    continue
                }
                #expect(read == findings)
            }
        }
    }

    @Test("a plan of another process stays within the card")
    func bounded() {
        var batching = Card.Batching()
        batching.maxRows = 32
        batching.maxDelayUs = 5
        let plan = BatchPlan(isMerged: true, why: "w", maxRows: 64, maxDelayUs: 0)
        #expect(
            plan.bounded(by: batching)
                == BatchPlan(isMerged: true, why: "w", maxRows: 32, maxDelayUs: 5)
        )
        #expect(BatchPlan.alone("w").bounded(by: batching) == .alone("w"))
    }

    @Test("lack of memory arrives")
    func ends() {
        guard
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
        arguments: [
            "", "{}", "[]", "{\"step\":\"dance\"}", "{\"end\":\"well\"}", "{\"end\":1}",
            "{\"end\":\"passed\"}",
            "{\"end\":\"passed\",\"merged\":\"true\",\"why\":\"\",\"max_rows\":\"0\","
                + "\"at_risk\":\"false\",\"check_ms\":\"1\",\"deterministic\":\"true\"}",
        ]
    )
    func noise(text: String) {
        #expect(FirstLoadReport(Array(text.utf8)) == nil)
    }
}
