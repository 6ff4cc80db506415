-- Run by OBS Studio: stops a stream after some frames, and writes down what becomes of it.

obs = obslua

local frames, notes

local function note(text)
    local file = io.open(notes, "a")
    file:write(text .. "\n")
    file:close()
end

local function with_output(act)
    local output = obs.obs_frontend_get_streaming_output()
    if output ~= nil then
        act(output)
        obs.obs_output_release(output)
    end
end

local function stopped(data)
    note("streaming stopped: " .. obs.calldata_int(data, "code"))
end

local function tick()
    with_output(function(output)
        if obs.obs_output_get_total_frames(output) >= frames then
            obs.remove_current_callback()
            obs.obs_frontend_streaming_stop()
        end
    end)
end

local function on_event(event)
    if event == obs.OBS_FRONTEND_EVENT_STREAMING_STARTING then
        with_output(function(output)
            local signals = obs.obs_output_get_signal_handler(output)
            obs.signal_handler_connect(signals, "stop", stopped)
        end)
    elseif event == obs.OBS_FRONTEND_EVENT_STREAMING_STARTED then
        note("streaming started")
        obs.timer_add(tick, 50)
    elseif event == obs.OBS_FRONTEND_EVENT_STREAMING_STOPPED then
        obs.obs_frontend_recording_stop()
    elseif event == obs.OBS_FRONTEND_EVENT_RECORDING_STOPPED then
        note("recording stopped")
    end
end

function script_load(settings)
    frames = obs.obs_data_get_int(settings, "frames")
    notes = obs.obs_data_get_string(settings, "notes")
    obs.obs_frontend_add_event_callback(on_event)
end
