import Bench
import NIOCore
import Testing
import Text
import Wire

@Suite("Checked answers")
struct AnswerCheckTests {
    private func answer(_ version: UInt64, _ text: String) -> V1.PredictResponse {
        V1.PredictResponse(
            modelName: "m",
            modelVersion: version,
            requestID: text,
            outputs: [V1.Tensor(name: "y", shape: [1], data: ByteBuffer(string: text))]
        )
    }

    @Test("an answer is compared with the first of its version to the same call")
    func compares() {
        var check = AnswerCheck()
        check.take(answer(1, "a"), kind: 0)
        check.take(answer(2, "b"), kind: 0)
        check.take(answer(1, "c"), kind: 1)
        check.take(answer(1, "a"), kind: 0)
        #expect(check.wrong == 0 && check.versions == [1: 3, 2: 1])
        check.take(answer(2, "a"), kind: 0)
        #expect(check.wrong == 1)
    }

    @Test("threads are compared with each other")
    func merges() {
        var (one, two) = (AnswerCheck(), AnswerCheck())
        one.take(answer(1, "a"), kind: 0)
        two.take(answer(1, "a"), kind: 0)
        one.add(two)
        #expect(one.wrong == 0 && one.versions == [1: 2])
        var third = AnswerCheck()
        third.take(answer(1, "b"), kind: 0)
        one.add(third)
        #expect(one.wrong == 1)
    }
}
