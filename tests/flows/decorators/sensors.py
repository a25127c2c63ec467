import os
import time

from metaflow import FlowSpec, catch, current, project, retry, schedule, step, timeout, trigger


class CalibrationError(Exception):
    pass


@trigger(event="reading_arrived")
@schedule(hourly=True)
@project(name="weather")
class SensorFlow(FlowSpec):
    @retry(times=2)
    @step
    def start(self):
        with open("seen.log", "a") as seen:
            seen.write("attempt %d\n" % current.retry_count)
        if current.retry_count == 0:
            raise ConnectionError("the station does not answer")
        self.readings = [21.5, 20.25, 22.0]
        self.deployed_as = current.project_flow_name
        self.next(self.calibrate, self.sample)

    @catch(var="trouble")
    @retry(times=1)
    @step
    def calibrate(self):
        offsets = os.path.abspath("offsets.csv")
        if not os.path.exists(offsets):
            raise CalibrationError("no offsets in %s for %s" % (offsets, object()))
        self.next(self.merge)

    @catch(var="late", print_exception=False)
    @timeout(seconds=1)
    @step
    def sample(self):
        time.sleep(30)
        self.next(self.merge)

    @step
    def merge(self, inputs):
        self.mean = sum(inputs[0].readings) / 3
        self.problems = [str(inputs.calibrate.trouble.type), inputs.sample.late is not None]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SensorFlow()
